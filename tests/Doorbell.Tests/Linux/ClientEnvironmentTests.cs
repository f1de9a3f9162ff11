using System.Text;
using Doorbell.Linux.Launch;

namespace Doorbell.Tests.Linux;

public class ClientEnvironmentTests
{
    [Fact]
    public void What_the_script_added_is_taken_out_and_an_empty_variable_is_empty_again()
    {
        byte[] own = Latin("A=1\0DOTNET_ROOT=/x\0DOTNET_EnableDiagnostics=0\0B=\u00ff\0DOORBELL_ADDED= DOTNET_ROOT DOTNET_EnableDiagnostics=\0DOORBELL_NOFILE=777\0");

        ClientEnvironment client = ClientEnvironment.From(own);

        Assert.Equal(Latin("A=1\0DOTNET_EnableDiagnostics=\0B=\u00ff\0"), client.Block);
        Assert.Equal(777ul, client.FileLimit);
    }

    [Fact]
    public void Without_the_script_everything_is_the_users()
    {
        byte[] own = Latin("DOTNET_ROOT=/x\0A=1\0");

        ClientEnvironment client = ClientEnvironment.From(own);

        Assert.Equal(own, client.Block);
        Assert.Equal(0ul, client.FileLimit);
    }

    [Fact]
    public void Arguments_that_are_no_text_keep_their_bytes_and_others_than_the_programs_are_not_taken()
    {
        byte[] own = Latin("doorbell\0run\0--\0p\0\u00ff\0--\0");

        Assert.Equal([Latin("p"), [0xff], Latin("--")], CommandLine.Program(["p", "\ufffd", "--"], own));
        Assert.Equal([Latin("q"), [], Latin("--")], CommandLine.Program(["q", "", "--"], own));
        Assert.Equal([Latin("p")], CommandLine.Program(["p"], own));
    }

    private static byte[] Latin(string text) => Encoding.Latin1.GetBytes(text);
}
