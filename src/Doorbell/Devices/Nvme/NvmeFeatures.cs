namespace Doorbell.Devices;

/// <summary>
/// Features that are values and nothing more (NVMe 1.4, 5.21.1). A reset of the controller brings the defaults back; none can be saved,
/// because nothing here outlives the run.
/// </summary>
internal sealed class NvmeFeatures
{
    /// <summary>Kelvin: the default over-temperature threshold.</summary>
    public const ushort WarningTemperature = 343;

    /// <summary>Kelvin.</summary>
    public const ushort CriticalTemperature = 373;

    /// <summary>NSID for all namespaces.</summary>
    public const uint AllNamespaces = 0xffff_ffff;

    private const uint VectorMask = 0xffff;
    private const uint CoalescingDisable = 1 << 16;
    private const uint PowerStateMask = 0x1f;
    private const uint DeallocatedBlockErrors = 1 << 16;
    private const uint TemperatureWarning = 1 << 1;

    // What SEL 3 answers.
    private const uint IsNamespaceSpecific = 1 << 1;
    private const uint IsChangeable = 1 << 2;

    private readonly uint[] _values = new uint[(int)Feature.AsyncEventConfiguration + 1];
    private readonly bool[] _coalescingDisabled;
    private readonly uint[] _errorRecovery;
    private readonly int _queuePairs;
    private uint _underTemperature;

    /// <param name="queuePairs">I/O queue pairs the controller has; a vector each and one for the admin queue.</param>
    /// <param name="namespaces">Namespaces it has.</param>
    public NvmeFeatures(int queuePairs, int namespaces)
    {
        _queuePairs = queuePairs;
        _coalescingDisabled = new bool[queuePairs + 1];
        _errorRecovery = new uint[namespaces];
        Reset();
    }

    /// <summary>FID.</summary>
    public enum Feature : byte
    {
        Arbitration = 0x01,
        PowerManagement = 0x02,
        TemperatureThreshold = 0x04,
        ErrorRecovery = 0x05,
        VolatileWriteCache = 0x06,
        NumberOfQueues = 0x07,
        InterruptCoalescing = 0x08,
        InterruptVectorConfiguration = 0x09,
        WriteAtomicity = 0x0a,
        AsyncEventConfiguration = 0x0b,
    }

    private enum Select : byte
    {
        Current = 0,
        Default = 1,
        Saved = 2,
        Capabilities = 3,
    }

    /// <summary>The volatile write cache is on: only a flush, or FUA, makes writes safe.</summary>
    public bool WriteCacheEnabled => (_values[(int)Feature.VolatileWriteCache] & 1) != 0;

    /// <summary>The host wants to hear of temperatures beyond a threshold (feature 0Bh, bit 1).</summary>
    public bool ReportsTemperature => (_values[(int)Feature.AsyncEventConfiguration] & TemperatureWarning) != 0;

    // Submission queues in the low half, completion queues in the high one, both counted from zero.
    private uint QueueCount => (uint)((_queuePairs - 1) | ((_queuePairs - 1) << 16));

    public void Reset()
    {
        Array.Clear(_values);
        Array.Clear(_coalescingDisabled);
        Array.Clear(_errorRecovery);
        _values[(int)Feature.TemperatureThreshold] = WarningTemperature;
        _values[(int)Feature.VolatileWriteCache] = 1;
        _underTemperature = 0;
    }

    /// <summary>True where a temperature, in Kelvin, is at or beyond one of the thresholds.</summary>
    public bool IsBeyondThreshold(ushort temperature) =>
        temperature >= _values[(int)Feature.TemperatureThreshold] || temperature <= _underTemperature;

    /// <summary>Set Features.</summary>
    /// <param name="command">The command.</param>
    /// <param name="queuesExist">I/O queues have been created: their number can no longer be set.</param>
    /// <param name="result">Dword 0 of the completion.</param>
    public NvmeStatus Set(NvmeCommand command, bool queuesExist, out uint result)
    {
        result = 0;
        var feature = (Feature)(byte)command.Cdw10;
        uint value = command.Cdw11;
        if (!Enum.IsDefined(feature))
        {
            return NvmeStatus.InvalidField;
        }

        if ((command.Cdw10 & (1u << 31)) != 0)
        {
            return NvmeStatus.FeatureNotSaveable;
        }

        NvmeStatus scope = CheckScope(feature, command.NamespaceId, forAll: true);
        if (scope != NvmeStatus.Success)
        {
            return scope;
        }

        switch (feature)
        {
            case Feature.PowerManagement when (value & PowerStateMask) != 0:
                return NvmeStatus.InvalidField;
            case Feature.TemperatureThreshold:
                return SetTemperature(value);
            case Feature.ErrorRecovery:
                return SetErrorRecovery(command.NamespaceId, value);
            case Feature.NumberOfQueues:
                if ((value & 0xffff) == 0xffff || value >> 16 == 0xffff)
                {
                    return NvmeStatus.InvalidField;
                }

                result = QueueCount;
                return queuesExist ? NvmeStatus.CommandSequenceError : NvmeStatus.Success;
            case Feature.InterruptVectorConfiguration:
                if ((value & VectorMask) >= _coalescingDisabled.Length)
                {
                    return NvmeStatus.InvalidField;
                }

                _coalescingDisabled[value & VectorMask] = (value & CoalescingDisable) != 0;
                return NvmeStatus.Success;
            default:
                _values[(int)feature] = value;
                return NvmeStatus.Success;
        }
    }

    /// <summary>Get Features.</summary>
    /// <param name="command">The command.</param>
    /// <param name="result">Dword 0 of the completion.</param>
    public NvmeStatus Get(NvmeCommand command, out uint result)
    {
        result = 0;
        var feature = (Feature)(byte)command.Cdw10;
        var select = (Select)((command.Cdw10 >> 8) & 7);
        if (!Enum.IsDefined(feature) || select > Select.Capabilities)
        {
            return NvmeStatus.InvalidField;
        }

        if (select == Select.Capabilities)
        {
            result = IsChangeable | (feature == Feature.ErrorRecovery ? IsNamespaceSpecific : 0);
            return NvmeStatus.Success;
        }

        NvmeStatus scope = CheckScope(feature, command.NamespaceId, forAll: false);
        uint cdw11 = command.Cdw11;
        uint vector = cdw11 & VectorMask;
        bool isCurrent = select == Select.Current; // what cannot be saved has its default for a saved value (5.14)
        switch (feature)
        {
            case var _ when scope != NvmeStatus.Success:
                return scope;
            case Feature.NumberOfQueues:
                result = QueueCount;
                return NvmeStatus.Success;
            case Feature.InterruptVectorConfiguration:
                if (vector >= _coalescingDisabled.Length)
                {
                    return NvmeStatus.InvalidField;
                }

                result = vector | (isCurrent && _coalescingDisabled[vector] ? CoalescingDisable : 0);
                return NvmeStatus.Success;
            case Feature.TemperatureThreshold:
                return GetTemperature(cdw11, isCurrent, out result);
            case Feature.ErrorRecovery:
                result = isCurrent ? _errorRecovery[command.NamespaceId - 1] : 0;
                return NvmeStatus.Success;
            default:
                result = isCurrent ? _values[(int)feature] : feature == Feature.VolatileWriteCache ? 1u : 0;
                return NvmeStatus.Success;
        }
    }

    private static uint SensorOf(uint cdw11) => (cdw11 >> 16) & 0xf;

    private static uint KindOf(uint cdw11) => (cdw11 >> 20) & 3;

    /// <summary>A namespace's own feature needs a namespace; the controller's must not be asked of one.</summary>
    private NvmeStatus CheckScope(Feature feature, uint id, bool forAll)
    {
        bool isNamespace = id != 0 && id <= _errorRecovery.Length;
        return feature == Feature.ErrorRecovery
            ? isNamespace || (forAll && id == AllNamespaces) ? NvmeStatus.Success : NvmeStatus.InvalidNamespace
            : id is 0 or AllNamespaces ? NvmeStatus.Success
            : !isNamespace ? NvmeStatus.InvalidNamespace
            : forAll ? NvmeStatus.FeatureNotNamespaceSpecific : NvmeStatus.Success;
    }

    // TLER is kept; DULBE would be an error for reading deallocated blocks, which NSFEAT does not offer.
    private NvmeStatus SetErrorRecovery(uint id, uint value)
    {
        if ((value & DeallocatedBlockErrors) != 0)
        {
            return NvmeStatus.InvalidField;
        }

        if (id == AllNamespaces)
        {
            Array.Fill(_errorRecovery, value);
        }
        else
        {
            _errorRecovery[id - 1] = value;
        }

        return NvmeStatus.Success;
    }

    // One sensor, the composite temperature; 15 means all there are.
    private NvmeStatus SetTemperature(uint value)
    {
        if (SensorOf(value) is not (0 or 15) || KindOf(value) > 1)
        {
            return NvmeStatus.InvalidField;
        }

        if (KindOf(value) == 0)
        {
            _values[(int)Feature.TemperatureThreshold] = value & 0xffff;
        }
        else
        {
            _underTemperature = value & 0xffff;
        }

        return NvmeStatus.Success;
    }

    private NvmeStatus GetTemperature(uint cdw11, bool isCurrent, out uint result)
    {
        result = KindOf(cdw11) == 0
            ? isCurrent ? _values[(int)Feature.TemperatureThreshold] : WarningTemperature
            : isCurrent ? _underTemperature : 0;
        return SensorOf(cdw11) != 0 || KindOf(cdw11) > 1 ? NvmeStatus.InvalidField : NvmeStatus.Success;
    }
}
