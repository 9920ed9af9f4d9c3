// tests/c/own_dialog.c in C#: writes down what it is asked, and answers what the test wants, since no person sits here.
using System;
using System.IO;
using System.Text;
using ErrorReporting;

static class OwnDialog {
    static void WriteDown(ConsentRequest request) {
        var text = new StringBuilder();
        text.Append(request.Text(Question.Product) + " " + request.Text(Question.Version) + " of " + request.Text(Question.Vendor) + ": " + request.Text(Question.Title) + "\n");
        text.Append("kind " + (int)request.Kind + ", for " + request.Text(Question.Purpose) + "\n");
        foreach (Offer offer in request.Offers)
            text.Append((int)(offer.Category ?? (Category)1) + " " + (offer.Chosen ? "on" : "off") + " " + offer.Bytes + "\n" + offer.Contents + "\n");
        foreach (byte[] image in request.Images)
            text.Append("image of " + image.Length + " bytes, " + Encoding.ASCII.GetString(image, 1, 3) + "\n");
        File.AppendAllText(Environment.GetEnvironmentVariable("REPORTER_TEST_ASKED"), text.ToString());
    }

    static int Main() {
        try {
            using (ConsentRequest request = ConsentRequest.Read()) {
                WriteDown(request);
                if (Environment.GetEnvironmentVariable("REPORTER_TEST_ANSWER") != "send")
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
