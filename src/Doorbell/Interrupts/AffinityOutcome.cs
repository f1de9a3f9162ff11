namespace Doorbell.Interrupts;

/// <summary>What an affinity change means for the message a device holds (IRQ_SET_MASK_*).</summary>
public enum AffinityOutcome
{
    /// <summary>The message may have changed: compose it again (IRQ_SET_MASK_OK).</summary>
    Recompose,

    /// <summary>Everything is done behind the doorbell; the message is as it was (IRQ_SET_MASK_OK_DONE). An ITS answers this.</summary>
    Done,
}
