// The smallest product in .NET whose exception nobody catches, and whose report arrives: tries the NuGet package. `Product DIR`: see product.c.
using System;
using System.IO;
using ErrorReporting;

static class Product {
    static int Main(string[] arguments) {
        Reporter.Start(new ReporterOptions("Example Software", "Consumer", "1.0.0")
            .Spool(Path.Combine(arguments[0], "spool")).EmlDirectory(Path.Combine(arguments[0], "mails"))
            .MailFrom("errors@consumer.example").MailTo("support@consumer.example"));
        if (!Reporter.IsActive) {
            foreach (string error in Reporter.SoftErrors)
                Console.Error.WriteLine("no reports: " + error);
            return 3;
        }
        Reporter.Command("line.cross", "Cross the line", Surface.CommandLine);
        throw new InvalidOperationException("over the line");
    }
}
