using Doorbell.Events;
using Doorbell.Vfio;

namespace Doorbell.Linux.Reporting;

/// <summary>The vectors that were armed in a run. The supervisor's thread alone adds to them.</summary>
internal sealed class VectorAccounts(EventStream events)
{
    private readonly SortedDictionary<(string Device, uint Index, uint Vector), VectorAccount> _accounts = [];

    /// <summary>Those of a device, by index and vector.</summary>
    internal IEnumerable<VectorAccount> OfDevice(string device) => _accounts.Values.Where(account => account.Device == device && account.Armed > 0);

    /// <summary>The account of a vector that may be armed; null for one that no device has (what a client asks for is judged later).</summary>
    internal VectorAccount? Of(string device, uint index, uint vector)
    {
        const uint Most = 2048; // MSI-X
        if (index > VfioIrqIndex.Request || vector >= Most)
        {
            return null;
        }

        if (!_accounts.TryGetValue((device, index, vector), out VectorAccount? account))
        {
            account = new VectorAccount(events, device, index, vector);
            _accounts.Add((device, index, vector), account);
        }

        return account;
    }
}
