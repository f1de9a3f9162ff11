// Guests under emulation take the whole machine, and the tests for what is left behind compare the whole machine: one at a time.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
