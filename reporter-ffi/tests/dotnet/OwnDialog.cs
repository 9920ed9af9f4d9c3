// tests/c/own_dialog.c in C#: writes down what it is asked, and answers what the test wants, since no person sits here.
using System;
using System.IO;
using System.Text;
using ErrorReporting;

static class OwnDialog {
    static void WriteDown(ConsentRequest request) {
        var text = new StringBuilder();
        text.Append(request.Text(Question.Product) + " " + request.Text(Question.Version) + " of " + request.Text(Question.Vendor) + ": " + request.Text(Question.Title) + "\n");
        text.Append(request.Reports + " reports, kind " + (int)request.Kind + ", for " + request.Text(Question.Purpose) + "\n");
        foreach (Offer offer in request.Offers)
            text.Append((int)(offer.Category ?? (Category)1) + " " + (offer.Chosen ? "on" : "off") + " " + offer.Bytes + "\n" + offer.Contents + "\n");
        foreach (byte[] image in request.Images)
            text.Append("image of " + image.Length + " bytes, " + Encoding.ASCII.GetString(image, 1, 3) + "\n");
        File.AppendAllText(Environment.GetEnvironmentVariable("REPORTER_TEST_ASKED"), text.ToString());
    }

    // What each line with these words stands for, left out or taken in again.
    static void LeaveOut(ConsentRequest request, string words, bool leftOut) {
        int done = 0;
        foreach (Offer offer in request.Offers)
            foreach (Part part in offer.Parts)
                if (part.Lines == 1 && part.Bytes > 0 && offer.Contents.Split('\n')[part.FirstLine].Contains(words)) {
                    if (part.LeftOut == leftOut)
                        throw new InvalidOperationException("it is so already: " + words);
                    request.LeaveOut(part, leftOut);
                    done++;
                }
        if (done == 0)
            throw new InvalidOperationException("no part with " + words);
    }

    static int Main() {
        try {
            using (ConsentRequest request = ConsentRequest.Read()) {
                WriteDown(request);
                string how = Environment.GetEnvironmentVariable("REPORTER_TEST_ANSWER");
                if (how == "strike-out") {
                    LeaveOut(request, "title: ", true);
                    LeaveOut(request, "command id: ", true);
                    LeaveOut(request, "command id: ", false);
                    request.Answer(Answer.SendAlways);
                }
                if (how != "send")
                    return 0;
                request.Choose(Category.Actions, false);
                request.Contact(ContactPart.FirstName, "Anna");
                request.Contact(ContactPart.Description, "It said no.");
                request.Answer(Answer.Send);
                try {
                    request.Answer(Answer.Decline);
                } catch (ObjectDisposedException) {
                    return 0;
                }
                return 5;
            }
        } catch (ReporterException error) {
            Console.Error.WriteLine(error.Status + ": " + error.Message);
            return 1;
        }
    }
}
