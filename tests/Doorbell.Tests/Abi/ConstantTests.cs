using Doorbell.Pci;
using Doorbell.Vfio;

namespace Doorbell.Tests.Abi;

public class ConstantTests
{
    [SkippableFact]
    public void VFIOs_numbers_are_those_of_the_systems_header() => Compare("linux/vfio.h", new()
    {
        ["VFIO_TYPE1_IOMMU"] = VfioIommuType.Type1,
        ["VFIO_TYPE1v2_IOMMU"] = VfioIommuType.Type1v2,
        ["VFIO_DMA_CC_IOMMU"] = VfioIommuType.DmaCacheCoherent,
        ["VFIO_UNMAP_ALL"] = VfioIommuType.UnmapAll,
        ["VFIO_UPDATE_VADDR"] = VfioIommuType.UpdateVaddr,
        ["VFIO_PCI_INTX_IRQ_INDEX"] = VfioIrqIndex.Intx,
        ["VFIO_PCI_MSI_IRQ_INDEX"] = VfioIrqIndex.Msi,
        ["VFIO_PCI_MSIX_IRQ_INDEX"] = VfioIrqIndex.MsiX,
        ["VFIO_PCI_ERR_IRQ_INDEX"] = VfioIrqIndex.Error,
        ["VFIO_PCI_REQ_IRQ_INDEX"] = VfioIrqIndex.Request,
        ["VFIO_PCI_NUM_IRQS"] = VfioIrqIndex.Count,
        ["VFIO_PCI_ROM_REGION_INDEX"] = VfioRegionIndex.Rom,
        ["VFIO_PCI_CONFIG_REGION_INDEX"] = VfioRegionIndex.Config,
        ["VFIO_PCI_VGA_REGION_INDEX"] = VfioRegionIndex.Vga,
        ["VFIO_PCI_NUM_REGIONS"] = VfioRegionIndex.Count,
        ["VFIO_DMA_MAP_FLAG_READ"] = (long)VfioMapFlags.Read,
        ["VFIO_DMA_MAP_FLAG_WRITE"] = (long)VfioMapFlags.Write,
        ["VFIO_DMA_MAP_FLAG_VADDR"] = (long)VfioMapFlags.Vaddr,
        ["VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP"] = (long)VfioUnmapFlags.GetDirtyBitmap,
        ["VFIO_DMA_UNMAP_FLAG_ALL"] = (long)VfioUnmapFlags.All,
        ["VFIO_DMA_UNMAP_FLAG_VADDR"] = (long)VfioUnmapFlags.Vaddr,
        ["VFIO_GROUP_FLAGS_VIABLE"] = (long)VfioGroupFlags.Viable,
        ["VFIO_GROUP_FLAGS_CONTAINER_SET"] = (long)VfioGroupFlags.ContainerSet,
        ["VFIO_IRQ_INFO_EVENTFD"] = (long)VfioIrqInfoFlags.Eventfd,
        ["VFIO_IRQ_INFO_MASKABLE"] = (long)VfioIrqInfoFlags.Maskable,
        ["VFIO_IRQ_INFO_AUTOMASKED"] = (long)VfioIrqInfoFlags.Automasked,
        ["VFIO_IRQ_INFO_NORESIZE"] = (long)VfioIrqInfoFlags.NoResize,
        ["VFIO_IRQ_SET_DATA_NONE"] = (long)VfioIrqSetFlags.DataNone,
        ["VFIO_IRQ_SET_DATA_BOOL"] = (long)VfioIrqSetFlags.DataBool,
        ["VFIO_IRQ_SET_DATA_EVENTFD"] = (long)VfioIrqSetFlags.DataEventfd,
        ["VFIO_IRQ_SET_ACTION_MASK"] = (long)VfioIrqSetFlags.ActionMask,
        ["VFIO_IRQ_SET_ACTION_UNMASK"] = (long)VfioIrqSetFlags.ActionUnmask,
        ["VFIO_IRQ_SET_ACTION_TRIGGER"] = (long)VfioIrqSetFlags.ActionTrigger,
        ["VFIO_IRQ_SET_DATA_TYPE_MASK"] = (long)VfioIrqSetFlags.DataAll,
        ["VFIO_IRQ_SET_ACTION_TYPE_MASK"] = (long)VfioIrqSetFlags.ActionAll,
    });

    [SkippableFact]
    public void PCIs_registers_are_those_of_the_systems_header() => Compare("linux/pci_regs.h", new()
    {
        ["PCI_VENDOR_ID"] = PciHeader.VendorId,
        ["PCI_DEVICE_ID"] = PciHeader.DeviceId,
        ["PCI_COMMAND"] = PciHeader.Command,
        ["PCI_COMMAND_IO"] = (long)PciCommand.IoSpace,
        ["PCI_COMMAND_MEMORY"] = (long)PciCommand.MemorySpace,
        ["PCI_COMMAND_MASTER"] = (long)PciCommand.BusMaster,
        ["PCI_COMMAND_PARITY"] = (long)PciCommand.ParityErrorResponse,
        ["PCI_COMMAND_SERR"] = (long)PciCommand.SystemErrorEnable,
        ["PCI_COMMAND_INTX_DISABLE"] = (long)PciCommand.InterruptDisable,
        ["PCI_STATUS"] = PciHeader.Status,
        ["PCI_STATUS_INTERRUPT"] = (long)PciStatus.InterruptStatus,
        ["PCI_STATUS_CAP_LIST"] = (long)PciStatus.CapabilityList,
        ["PCI_REVISION_ID"] = PciHeader.RevisionId,
        ["PCI_CLASS_PROG"] = PciHeader.ClassCode,
        ["PCI_CACHE_LINE_SIZE"] = PciHeader.CacheLineSize,
        ["PCI_LATENCY_TIMER"] = PciHeader.LatencyTimer,
        ["PCI_HEADER_TYPE"] = PciHeader.HeaderType,
        ["PCI_BASE_ADDRESS_0"] = PciHeader.Bar0,
        ["PCI_SUBSYSTEM_VENDOR_ID"] = PciHeader.SubsystemVendorId,
        ["PCI_SUBSYSTEM_ID"] = PciHeader.SubsystemId,
        ["PCI_ROM_ADDRESS"] = PciHeader.RomAddress,
        ["PCI_CAPABILITY_LIST"] = PciHeader.CapabilitiesPointer,
        ["PCI_INTERRUPT_LINE"] = PciHeader.InterruptLine,
        ["PCI_INTERRUPT_PIN"] = PciHeader.InterruptPin,
        ["PCI_PRIMARY_BUS"] = PciHeader.PrimaryBus,
        ["PCI_SECONDARY_BUS"] = PciHeader.SecondaryBus,
        ["PCI_SUBORDINATE_BUS"] = PciHeader.SubordinateBus,
        ["PCI_SEC_LATENCY_TIMER"] = PciHeader.SecondaryLatencyTimer,
        ["PCI_IO_BASE"] = PciHeader.IoBase,
        ["PCI_SEC_STATUS"] = PciHeader.SecondaryStatus,
        ["PCI_MEMORY_BASE"] = PciHeader.MemoryBase,
        ["PCI_PREF_MEMORY_BASE"] = PciHeader.PrefetchableBase,
        ["PCI_PREF_BASE_UPPER32"] = PciHeader.PrefetchableBaseUpper,
        ["PCI_IO_BASE_UPPER16"] = PciHeader.IoBaseUpper,
        ["PCI_BRIDGE_CONTROL"] = PciHeader.BridgeControl,
        ["PCI_STD_HEADER_SIZEOF"] = PciHeader.End,
        ["PCI_CFG_SPACE_SIZE"] = PciHeader.ConventionalSize,
        ["PCI_CFG_SPACE_EXP_SIZE"] = PciHeader.ExpressSize,
        ["PCI_CAP_ID_PM"] = PciCapabilityId.PowerManagement,
        ["PCI_CAP_ID_MSI"] = PciCapabilityId.Msi,
        ["PCI_MSI_FLAGS"] = MsiCapability.MessageControl,
        ["PCI_MSI_ADDRESS_LO"] = MsiCapability.MessageAddress,
        ["PCI_MSI_ADDRESS_HI"] = MsiCapability.MessageUpperAddress,
        ["PCI_MSI_FLAGS_ENABLE"] = MsiCapability.EnableBit,
        ["PCI_MSI_FLAGS_64BIT"] = MsiCapability.Address64Bit,
        ["PCI_MSI_FLAGS_MASKBIT"] = MsiCapability.PerVectorMaskBit,
        ["PCI_MSIX_FLAGS"] = MsiXCapability.MessageControl,
        ["PCI_MSIX_TABLE"] = MsiXCapability.TableRegister,
        ["PCI_MSIX_PBA"] = MsiXCapability.PbaRegister,
        ["PCI_CAP_MSIX_SIZEOF"] = MsiXCapability.Size,
        ["PCI_MSIX_ENTRY_SIZE"] = MsiXCapability.EntrySize,
        ["PCI_MSIX_ENTRY_VECTOR_CTRL"] = MsiXCapability.EntryControl,
        ["PCI_MSIX_FLAGS_ENABLE"] = MsiXCapability.EnableBit,
        ["PCI_MSIX_FLAGS_MASKALL"] = MsiXCapability.FunctionMaskBit,
        ["PCI_MSIX_FLAGS_QSIZE"] = MsiXCapability.TableSizeMask,
        ["PCI_MSIX_TABLE_BIR"] = MsiXCapability.BarIndicatorMask,
        ["PCI_ACS_CAP"] = AcsCapability.CapabilityRegister,
        ["PCI_ACS_CTRL"] = AcsCapability.ControlRegister,
        ["PCI_ACS_SV"] = (long)AcsServices.SourceValidation,
        ["PCI_ACS_TB"] = (long)AcsServices.TranslationBlocking,
        ["PCI_ACS_RR"] = (long)AcsServices.RequestRedirect,
        ["PCI_ACS_CR"] = (long)AcsServices.CompletionRedirect,
        ["PCI_ACS_UF"] = (long)AcsServices.UpstreamForwarding,
        ["PCI_ACS_EC"] = (long)AcsServices.EgressControl,
        ["PCI_ACS_DT"] = (long)AcsServices.DirectTranslated,
    });

    private static void Compare(string header, Dictionary<string, long> ours)
    {
        string[] names = [.. ours.Keys];
        long[] theirs = SystemHeaders.Evaluate([header], names);
        Assert.Equal(names.Zip(theirs), names.Select(name => (name, ours[name])));
    }
}
