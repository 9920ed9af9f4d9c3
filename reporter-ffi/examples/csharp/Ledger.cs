// Ledger: a toy account book that reports its errors, in C#. The same commands as in ledger.c, one a line on standard input:
//
//   add CENTS TEXT   books an amount               month N   what came in and went out in month N (1 to 12)
//   import FILE      books "CENTS TEXT" lines      report    the total
//   undo             takes back the last entry     quit      ends
//
//   mcs -langversion:7.2 -out:Ledger.exe reporter-ffi/examples/csharp/Ledger.cs -recurse:'reporter-ffi/dotnet/*.cs'
//   LD_LIBRARY_PATH=target/debug mono --debug Ledger.exe
//
// With `--into FOLDER` reports go into FOLDER/mails, and FOLDER/reporter-handler is the program that makes them.
//
// Two bugs are in it on purpose: `month 999999999` looks up a month that there is not, an exception that nobody catches; a file that cannot be imported is
// a handled error, which is reported while the product goes on.
using System;
using System.Collections.Generic;
using System.IO;
using ErrorReporting;

/// What the user can do: a stable id and a fixed label for reports, never what was typed behind it.
class Command {
    public readonly string Name, Id, Label;
    public readonly Action<string> Run;

    public Command(string name, string id, string label, Action<string> run) {
        Name = name;
        Id = id;
        Label = label;
        Run = run;
    }
}

class StatementException : Exception {
    public StatementException(string message, Exception inner) : base(message, inner) { }
}

static class Ledger {
    static readonly List<long> entries = new List<long>();
    static readonly long[] byMonth = new long[12];

    static void Book(string line) {
        long cents = long.Parse(line.Split(' ')[0]);
        entries.Add(cents);
        byMonth[DateTime.Now.Month - 1] += cents;
        Reporter.Annotate("book.entries", entries.Count.ToString());
    }

    static void Read(string path) {
        try {
            foreach (string line in File.ReadAllLines(path))
                Book(line);
        } catch (Exception error) when (error is IOException || error is FormatException) {
            throw new StatementException("the statement cannot be imported", error);
        }
    }

    static void Import(string path) {
        using (ReporterTask task = Reporter.BeginTask("import statement")) {
            try {
                Read(path);
                Console.WriteLine("imported");
            } catch (StatementException error) {
                task.Fail();
                Reporter.Capture(error);
                Console.WriteLine(error.Message);
            }
        }
    }

    static void Undo(string nothing) {
        if (entries.Count == 0)
            return;
        byMonth[DateTime.Now.Month - 1] -= entries[entries.Count - 1];
        entries.RemoveAt(entries.Count - 1);
    }

    static void ShowMonth(string number) {
        Console.WriteLine(byMonth[int.Parse(number) - 1]);
    }

    static void Report(string nothing) {
        long total = 0;
        foreach (long cents in entries)
            total += cents;
        Console.WriteLine("total " + total);
    }

    static readonly Command[] commands = {
        new Command("add", "entry.add", "Add entry", Book),
        new Command("import", "statement.import", "Import statement", Import),
        new Command("undo", "entry.undo", "Undo", Undo),
        new Command("month", "book.month", "Month", ShowMonth),
        new Command("report", "book.report", "Report", Report),
    };

    static void Start(string into) {
        var options = new ReporterOptions("Example Software", "Ledger", "1.0.0")
            .MailFrom("errors@ledger.example").MailTo("support@ledger.example")
            .Notice(Notice.Purpose, "to find and fix the error that you met");
        if (into == null)
            options.Smtp("mail.ledger.example", 0, Tls.StartTls);
        else
            options.HandlerProgram(Path.Combine(into, "reporter-handler")).Spool(Path.Combine(into, "spool"))
                .EmlDirectory(Path.Combine(into, "mails"));
        Reporter.Start(options);
        foreach (string error in Reporter.SoftErrors)
            Console.Error.WriteLine("ledger: error reports: " + error);
    }

    static void Main(string[] arguments) {
        Start(arguments.Length == 2 && arguments[0] == "--into" ? arguments[1] : null);
        string line;
        while ((line = Console.ReadLine()) != null && line != "quit") {
            string[] words = line.Split(new[] { ' ' }, 2);
            Command command = Array.Find(commands, known => known.Name == words[0]);
            if (command == null) {
                Console.WriteLine("unknown command " + words[0]);
                continue;
            }
            // Recorded first: a command that fails is the last one in the report.
            Reporter.Command(command.Id, command.Label, Surface.CommandLine);
            command.Run(words.Length > 1 ? words[1] : "");
        }
        Reporter.Shutdown(TimeSpan.FromSeconds(60));
    }
}
