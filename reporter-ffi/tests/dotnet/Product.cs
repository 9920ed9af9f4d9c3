// What the products in C# share: their options, and what they do first and last.
using System;
using System.IO;
using ErrorReporting;

static class Product {
    static string In(string name) {
        return Path.Combine(Environment.GetEnvironmentVariable("REPORTER_TEST_FOLDER"), name);
    }

    static readonly string Handler = "reporter-handler" + (Path.DirectorySeparatorChar == '\\' ? ".exe" : "");

    internal static ReporterOptions Options() {
        return new ReporterOptions("Example Software", "Ledger", "1.0.0")
            .HandlerProgram(In(Handler)).Dialog(In("no-such-dialog")).Spool(In("spool")).EmlDirectory(In("mails"))
            .MailFrom("errors@ledger.example").MailTo("support@ledger.example")
            .Build("1.0.0+7").Channel("bêta").ProductId(new Guid("00112233-4455-6677-8899-aabbccddeeff"))
            .Notice(Notice.Purpose, "To find the error.").CategoryPolicy(Category.Screen, Policy.Never)
            .KindPolicy(ErrorKind.HandledError, Policy.Ask, Dump.None).HangAfter(TimeSpan.FromHours(1)).Limits(5, 25)
            .IncludeCommandLine(false).SanitisedStacks(false).OwnWindowsOnly(true);
    }

    internal static void Start() { Start(Options()); }

    internal static void Start(ReporterOptions options) {
        Reporter.Start(options);
        foreach (string error in Reporter.SoftErrors)
            Console.WriteLine("soft error: " + error);
        if (!Reporter.IsActive)
            Environment.Exit(2);
    }

    internal static void Stop() {
        Console.WriteLine("flushed: " + Reporter.Flush(TimeSpan.FromSeconds(10)) + ", stopped: " + Reporter.Shutdown(TimeSpan.FromSeconds(10)));
    }
}
