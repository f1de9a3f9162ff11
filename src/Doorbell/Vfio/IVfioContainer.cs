namespace Doorbell.Vfio;

/// <summary>What a group can be put into: a container, or an iommufd that acts as one.</summary>
internal interface IVfioContainer
{
    /// <summary>Its name in events and sentences.</summary>
    string Name { get; }

    /// <summary>True when devices of its groups may be opened.</summary>
    bool HasIommu { get; }

    /// <summary>A group comes in.</summary>
    Result Join(VfioGroup group, string operation);

    /// <summary>A group goes.</summary>
    void Leave(VfioGroup group);

    /// <summary>A device of a group in it is opened for the first time; nothing has been done to the device yet.</summary>
    Result Take(VfioGroup group, PassthroughDevice device, string operation);

    /// <summary>The device's last open is gone; it is off and was reset.</summary>
    void Give(PassthroughDevice device);
}
