namespace Doorbell.SystemTests;
