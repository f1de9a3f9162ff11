namespace Doorbell.Devices;

/// <summary>Features that are values and nothing more (NVMe 1.4, 5.21.1). A reset of the controller brings the defaults back.</summary>
internal sealed class NvmeFeatures
{
    /// <summary>Kelvin: the default over-temperature threshold.</summary>
    public const ushort WarningTemperature = 343;

    /// <summary>Kelvin.</summary>
    public const ushort CriticalTemperature = 373;

    private const uint VectorMask = 0xffff;
    private const uint CoalescingDisable = 1 << 16;

    private readonly uint[] _values = new uint[(int)Feature.AsyncEventConfiguration + 1];
    private readonly bool[] _coalescingDisabled;
    private readonly int _queuePairs;
    private uint _underTemperature;

    /// <param name="queuePairs">I/O queue pairs the controller has; a vector each and one for the admin queue.</param>
    public NvmeFeatures(int queuePairs)
    {
        _queuePairs = queuePairs;
        _coalescingDisabled = new bool[queuePairs + 1];
        Reset();
    }

    private enum Feature : byte
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

    /// <summary>The volatile write cache is on: only a flush, or FUA, makes writes safe.</summary>
    public bool WriteCacheEnabled => (_values[(int)Feature.VolatileWriteCache] & 1) != 0;

    public void Reset()
    {
        Array.Clear(_values);
        Array.Clear(_coalescingDisabled);
        _values[(int)Feature.TemperatureThreshold] = WarningTemperature;
        _values[(int)Feature.VolatileWriteCache] = 1;
        _underTemperature = 0;
    }

    /// <summary>Set Features.</summary>
    /// <param name="cdw10">The feature, and SV.</param>
    /// <param name="value">CDW11.</param>
    /// <param name="queuesExist">I/O queues have been created: their number can no longer be set.</param>
    /// <param name="result">Dword 0 of the completion.</param>
    public NvmeStatus Set(uint cdw10, uint value, bool queuesExist, out uint result)
    {
        result = 0;
        if ((cdw10 & (1u << 31)) != 0)
        {
            return NvmeStatus.FeatureNotSaveable;
        }

        var feature = (Feature)(byte)cdw10;
        switch (feature)
        {
            case Feature.PowerManagement when (value & 0x1f) != 0:
                return NvmeStatus.InvalidField;
            case Feature.TemperatureThreshold:
                return SetTemperature(value);
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
            case Feature.Arbitration:
            case Feature.PowerManagement:
            case Feature.ErrorRecovery:
            case Feature.VolatileWriteCache:
            case Feature.InterruptCoalescing:
            case Feature.WriteAtomicity:
            case Feature.AsyncEventConfiguration:
                _values[(int)feature] = value;
                return NvmeStatus.Success;
            default:
                return NvmeStatus.InvalidField;
        }
    }

    /// <summary>Get Features.</summary>
    /// <param name="cdw10">The feature, and SEL.</param>
    /// <param name="cdw11">Which of several, for some features.</param>
    /// <param name="result">Dword 0 of the completion.</param>
    public NvmeStatus Get(uint cdw10, uint cdw11, out uint result)
    {
        result = 0;

        // SEL asks for default or saved values, which ONCS does not offer.
        if (((cdw10 >> 8) & 7) != 0)
        {
            return NvmeStatus.InvalidField;
        }

        var feature = (Feature)(byte)cdw10;
        switch (feature)
        {
            case Feature.NumberOfQueues:
                result = QueueCount;
                return NvmeStatus.Success;
            case Feature.InterruptVectorConfiguration:
                uint vector = cdw11 & VectorMask;
                if (vector >= _coalescingDisabled.Length)
                {
                    return NvmeStatus.InvalidField;
                }

                result = vector | (_coalescingDisabled[vector] ? CoalescingDisable : 0);
                return NvmeStatus.Success;
            case Feature.TemperatureThreshold:
                if (SensorOf(cdw11) != 0 || KindOf(cdw11) > 1)
                {
                    return NvmeStatus.InvalidField;
                }

                result = KindOf(cdw11) == 0 ? _values[(int)feature] : _underTemperature;
                return NvmeStatus.Success;
            case Feature.Arbitration:
            case Feature.PowerManagement:
            case Feature.ErrorRecovery:
            case Feature.VolatileWriteCache:
            case Feature.InterruptCoalescing:
            case Feature.WriteAtomicity:
            case Feature.AsyncEventConfiguration:
                result = _values[(int)feature];
                return NvmeStatus.Success;
            default:
                return NvmeStatus.InvalidField;
        }
    }

    // Submission queues in the low half, completion queues in the high one, both counted from zero.
    private uint QueueCount => (uint)((_queuePairs - 1) | ((_queuePairs - 1) << 16));

    private static uint SensorOf(uint cdw11) => (cdw11 >> 16) & 0xf;

    private static uint KindOf(uint cdw11) => (cdw11 >> 20) & 3;

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
}
