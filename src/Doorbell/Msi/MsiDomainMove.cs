namespace Doorbell.Msi;

/// <summary>A device's armed vectors on their way from one IOMMU domain to another (I9): their doorbells are mapped in both until it is completed or cancelled.</summary>
/// <remarks>
/// Vectors whose message differs between the two domains are masked in the meantime; the rest go on. PCI MSI without mask bits
/// cannot be held back: what it sends between the attach and <see cref="Complete"/> may be aborted when its address differs.
/// The device's other operations wait until the thread that prepared it completes or cancels it.
/// </remarks>
public sealed class MsiDomainMove
{
    private readonly MsiDeviceVectors _vectors;
    private readonly List<MsiVector> _masked = [];
    private List<(MsiVector Vector, MsiBinding Next)> _steps;
    private bool _ended;

    internal MsiDomainMove(MsiDeviceVectors vectors, List<(MsiVector Vector, MsiBinding Next)> steps)
    {
        _vectors = vectors;
        _steps = steps;
        foreach ((MsiVector vector, MsiBinding next) in steps)
        {
            if (vector.IsRequested && vector.MessageThrough(next) != vector.Message)
            {
                vector.SetDeviceMask(true);
                _masked.Add(vector);
            }
        }
    }

    /// <summary>The device is attached to the new domain: messages that differ are written, and the references in the old domain given back.</summary>
    public void Complete()
    {
        foreach ((MsiVector vector, MsiBinding next) in _steps)
        {
            vector.Adopt(next);
        }

        End();
    }

    /// <summary>The device stays where it was: the references in the new domain are given back.</summary>
    public void Cancel()
    {
        foreach ((_, MsiBinding next) in _steps)
        {
            next.Put();
        }

        End();
    }

    /// <inheritdoc/>
    public override string ToString() => $"{_vectors.Device.Name}: {_steps.Count} vectors between two domains";

    private void End()
    {
        foreach (MsiVector vector in _masked)
        {
            vector.SetDeviceMask(false);
        }

        _masked.Clear();
        _steps = [];
        if (!_ended)
        {
            _ended = true;
            _vectors.EndMove();
        }
    }
}
