// A product in C#, for Mono and for .NET. Its arguments are steps, taken one after another.
using System;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Threading;

static class Native {
    [DllImport("native")] internal static extern int native_start();
    [DllImport("native")] internal static extern int native_call(string name);
    [DllImport("native")] internal static extern int native_unhandled(string type, string message);
}

class Document {
    internal int Pages = 1;
}

static class Host {
    [MethodImpl(MethodImplOptions.NoInlining)]
    static int PagesOf(Document document) {
        return document.Pages;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    static int Divide(int number, int by) {
        return number / by;
    }

    static int caught;

    // What a product of that language does every day: each of these is a fault that the runtime makes an exception of.
    static void Catch(int times) {
        for (int n = 0; n < times; n++) {
            try {
                PagesOf(null);
            } catch (NullReferenceException) {
                Interlocked.Increment(ref caught);
            }
            try {
                Divide(n, 0);
            } catch (DivideByZeroException) {
                Interlocked.Increment(ref caught);
            }
        }
    }

    static void InThread(ThreadStart run) {
        var thread = new Thread(run);
        thread.Start();
        thread.Join();
    }

    static void CatchInThreads() {
        var threads = new Thread[4];
        for (int n = 0; n < threads.Length; n++) {
            threads[n] = new Thread(() => Catch(500));
            threads[n].Start();
        }
        foreach (var thread in threads)
            thread.Join();
    }

    static int Main(string[] steps) {
        foreach (string step in steps) {
            switch (step) {
                case "start":
                    if (Native.native_start() != 0)
                        return 2;
                    break;
                case "catch":
                    Catch(2000);
                    break;
                case "catch-in-threads":
                    CatchInThreads();
                    break;
                case "hook":
                    AppDomain.CurrentDomain.UnhandledException += (sender, arguments) => {
                        var exception = (Exception)arguments.ExceptionObject;
                        Native.native_unhandled(exception.GetType().FullName, exception.Message);
                    };
                    break;
                case "throw-in-thread":
                    InThread(() => { throw new InvalidOperationException("nobody catches this"); });
                    break;
                case "throw":
                    throw new InvalidOperationException("nobody catches this");
                default:
                    // native_fault, or "thread:native_fault" in a thread of the runtime.
                    bool inThread = step.StartsWith("thread:");
                    string name = inThread ? step.Substring("thread:".Length) : step;
                    ThreadStart call = () => {
                        if (Native.native_call(name) != 0)
                            Environment.Exit(3);
                    };
                    if (inThread)
                        InThread(call);
                    else
                        call();
                    break;
            }
            Console.WriteLine(step + ": caught " + caught);
        }
        Console.WriteLine("done");
        return 0;
    }
}
