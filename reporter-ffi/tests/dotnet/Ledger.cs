// A product in C# that uses the library for .NET, for Mono and for .NET. Its arguments are steps, taken one after another.
using System;
using System.Collections.Generic;
using System.IO;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Threading;
using System.Threading.Tasks;
using ErrorReporting;

class ImportException : Exception {
    internal ImportException(string message, Exception inner) : base(message, inner) { HResult = unchecked((int)0x80131234); }
}

class Rude : Exception {
    public override string Message { get { throw new InvalidOperationException("no message for you"); } }
}

class Document {
    internal int Pages = 1;
}

static class Ledger {
    [DllImport("native")] static extern int native_call(string name);

    // What a product with a mistake in its options, or without the native library, gets to know.
    static void Refused() {
        Action[] wrong = {
            () => Product.Options().HangAfter(TimeSpan.FromMilliseconds(1)),
            () => new ReporterOptions("Example Software", "Ledger", "1.0.0").SmtpCredentials("anna", "secret"),
            () => Product.Options().KindPolicy((ErrorKind)99, Policy.Ask, Dump.None),
        };
        foreach (Action action in wrong) {
            try {
                action();
                Console.WriteLine("not refused");
            } catch (ReporterException error) {
                Console.WriteLine("refused as " + error.Status + ": " + error.Message);
            }
        }
    }

    static void Record() {
        Reporter.Command("file.import", "Import…", Surface.Menu);
        Reporter.DialogOpened("import.options");
        Reporter.DialogClosed("import.options", "ok");
        Reporter.Annotate("book", "Haushalt 账本");
        Reporter.Annotate("gone", "soon");
        Reporter.RemoveAnnotation("gone");
        Reporter.AttachBytes("settings.txt", "text/plain", new byte[] { 97, 61, 49 });
        Reporter.Heartbeat();
        Reporter.HeartbeatPause();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    static void Read(string name) {
        throw new FileNotFoundException("cannot open the statement", name);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    static void Import() {
        using (var task = Reporter.BeginTask("import statement")) {
            try {
                Read("june.csv");
            } catch (IOException error) {
                task.Fail();
                throw new ImportException("the statement cannot be imported", error);
            }
        }
    }

    static void Several() {
        throw new AggregateException("two of them", new Exception[] {
            new InvalidOperationException("the first"), new ImportException("the second", new TimeoutException("too late")) });
    }

    static void Catching(Action action) {
        try {
            action();
        } catch (Exception error) {
            Console.WriteLine("captured: " + Reporter.Capture(error));
        }
    }

    static void Deep(int depth) {
        if (depth == 0)
            throw new InvalidOperationException("deep down");
        Deep(depth - 1);
        GC.KeepAlive(depth);
    }

    static int caught;

    static void CatchFaults() {
        Document nothing = null;
        int zero = caught - caught;
        for (int n = 0; n < 1000; n++) {
            try {
                nothing.Pages++;
            } catch (NullReferenceException) {
                caught++;
            }
            try {
                caught += n / zero;
            } catch (DivideByZeroException) {
                caught++;
            }
        }
    }

    // In a thread of its own: Mono's collector takes what lies on a stack for a reference.
    static void Forget() {
        var thread = new Thread(() => {
            Task.Run(() => { throw new InvalidOperationException("nobody looked"); });
            Thread.Sleep(300);
        });
        thread.Start();
        thread.Join();
    }

    static CapturedError kept;

    // What a product's hook does: it drops, it changes, and it has mistakes in it.
    static bool Look(CapturedError error) {
        Console.WriteLine("looks at " + error.Exception.GetType().Name + ", " + error.Count + " links, the last a " + error.Type(error.Count - 1));
        if (error.Exception is TimeoutException)
            return false;
        if (error.Exception is NotSupportedException)
            throw new InvalidOperationException("the hook has a mistake");
        for (int n = 0; n < error.Count; n++)
            error.SetMessage(n, error.Message(n).Replace("statement", "file of (name)"));
        try {
            error.SetMessage(error.Count, "more");
        } catch (ReporterException refused) {
            Console.WriteLine("no more: " + refused.Status + ", " + (error.Type(-1) ?? "none"));
        }
        Reporter.Capture(new Exception("of the hook itself"));
        kept = error;
        return true;
    }

    static void Looked() {
        Reporter.Capture(new TimeoutException("not worth a report"));
        Reporter.Capture(new NotSupportedException("the hook will fail"));
        Catching(Import);
        Console.WriteLine("afterwards: " + kept.Count + " links, " + (kept.Message(0) ?? "no words"));
    }

    static int Main(string[] steps) {
        foreach (string step in steps) {
            switch (step) {
                case "start": Product.Start(); break;
                case "start-with-hook": Product.Start(Product.Options().BeforeSend(Look)); break;
                case "looked": Looked(); break;
                case "hook": Console.WriteLine("hooked: " + Reporter.HookThread()); break;
                case "attach": Console.WriteLine("attached: " + Reporter.Attach()); break;
                case "start-again": try { Product.Start(); } catch (ReporterException error) { Console.WriteLine("again: " + error.Status); } break;
                case "start-without":
                    try { Product.Start(); } catch (DllNotFoundException error) { Console.WriteLine("without: " + error.GetType().Name); }
                    break;
                case "refused": Refused(); break;
                case "record": Record(); break;
                case "caught": Catching(Import); break;
                case "caught-several": Catching(Several); break;
                case "caught-rude": Catching(() => { throw new Rude(); }); break;
                case "caught-deep": Catching(() => Deep(1000)); break;
                case "never-thrown": Console.WriteLine("captured: " + Reporter.Capture(new InvalidOperationException("made, not thrown"))); break;
                case "catch-faults": CatchFaults(); Console.WriteLine("caught " + caught); break;
                case "forget":
                    Forget();
                    for (int n = 0; n < 10; n++) { GC.Collect(); GC.WaitForPendingFinalizers(); }
                    break;
                case "simulate": Reporter.SimulateCrash(); break;
                case "stop": Product.Stop(); break;
                case "throw": Import(); break;
                case "throw-several": Several(); break;
                case "throw-in-thread":
                    var thread = new Thread(Import) { Name = "importer" };
                    thread.Start();
                    thread.Join();
                    break;
                default: native_call(step); break;
            }
        }
        Console.WriteLine("done");
        return 0;
    }
}
