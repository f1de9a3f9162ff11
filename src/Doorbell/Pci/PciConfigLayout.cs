namespace Doorbell.Pci;

/// <summary>Lays out a type 0 configuration space from a description: header, then power management, MSI, MSI-X and PCI Express.</summary>
internal static class PciConfigLayout
{
    public static PciConfigSpace Endpoint(PciDeviceDescription description)
    {
        var config = new PciConfigSpace(description.IsExpress ? PciHeader.ExpressSize : PciHeader.ConventionalSize);
        Identity(config, description);
        config.Define16(PciHeader.SubsystemVendorId, description.SubsystemVendorId);
        config.Define16(PciHeader.SubsystemId, description.SubsystemId);

        PowerManagementCapability.Lay(config);
        if (description.MsiVectors > 0)
        {
            MsiCapability.Lay(config, description.MsiVectors, description.MsiPerVectorMask);
        }

        if (description.MsiX is { } msiX)
        {
            MsiXCapability.Lay(config, msiX);
        }

        if (description.IsExpress)
        {
            PciExpressCapability.Lay(config, PciExpressType.Endpoint, description.FunctionLevelReset);
        }

        return config;
    }

    public static void Identity(PciConfigSpace config, PciDeviceDescription description)
    {
        config.Define16(PciHeader.VendorId, description.VendorId);
        config.Define16(PciHeader.DeviceId, description.DeviceId);
        config.Define8(PciHeader.RevisionId, description.RevisionId);
        config.Define8(PciHeader.ClassCode, (byte)description.ClassCode);
        config.Define16(PciHeader.ClassCode + 1, (ushort)(description.ClassCode >> 8));
        config.Define8(PciHeader.InterruptPin, description.InterruptPin);
    }
}
