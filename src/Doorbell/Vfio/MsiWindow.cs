namespace Doorbell.Vfio;

/// <summary>The window a user registered for doorbells (V1, VFIO_IOVA_RESERVED in the series): no memory of his is behind it, so there is nothing to pin, to map or to replay.</summary>
internal sealed record MsiWindow(Iova Iova, ulong Size) : IovaSlot(Iova, Size);
