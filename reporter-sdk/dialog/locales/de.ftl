window-title = { $product } – Fehlerbericht

apology-crash = Es tut uns leid: { $product } funktioniert nicht mehr.
apology-handled = Es tut uns leid: In { $product } ist ein Fehler aufgetreten. Das Programm läuft weiter.
apology-hang = Es tut uns leid: { $product } antwortet nicht mehr.
apology-memory = Es tut uns leid: { $product } hatte nicht genug Speicher.
apology-vanished = Es tut uns leid: { $product } wurde unerwartet beendet.
apology-simulated = Dies ist ein Test der Fehlerberichte von { $product }.
appeal = Ein Bericht hilft, die Ursache zu finden. Ohne Ihre Zustimmung wird nichts gesendet.

notice-purpose = Wofür
notice-recipient = Empfänger
notice-access = Wer ihn lesen kann
notice-retention = Wie lange er aufbewahrt wird
notice-erasure = So lassen Sie ihn löschen

contact-heading = Wenn Sie etwas hinzufügen möchten
first-name = Vorname
last-name = Nachname
email = E-Mail, für eine Antwort
email-unusable = An diese Adresse könnte niemand antworten. Bitte berichtigen Sie sie oder lassen Sie das Feld leer.
description = Was haben Sie getan, als es geschah?

offers-heading = Was der Bericht enthält, zusammen { $size }
offers-heading-collecting = Was der Bericht enthalten kann
offer = { $title } ({ $size })
offer-always = { $title } ({ $size }, in jedem Bericht)
category-essential = Was schiefging, und in welchem Produkt
category-actions = Was Sie zuletzt mit dem Programm getan haben
category-memory = Teile des Arbeitsspeichers des Programms
category-full-memory = Der gesamte Arbeitsspeicher des Programms
category-processes = Laufende Anwendungen, Dienste und Treiber
category-system = Betriebssystem, Sprache, Prozessor, Laufwerke
category-account = Der Name Ihres Benutzerkontos
category-network = Namen Ihres Computers und Netzwerks
category-installed-software = Installierte Programme und Dienste
category-devices = Netzwerkkarten, Drucker und Bildschirme
category-screen = Ein Bild Ihres Bildschirms
category-product = Angaben, die das Programm hinzufügt
category-attachments = Dateien, die das Programm anhängt
warning-memory = Der Arbeitsspeicher kann enthalten, woran Sie gearbeitet haben, auch Passwörter. Wenn er vertrauliche Daten enthalten könnte, lassen Sie ihn weg oder senden Sie nichts.
warning-screen = Das Bild zeigt, was auf Ihrem Bildschirm war, auch von anderen Programmen. Sehen Sie es sich an, bevor Sie es senden.
screen-image = Was auf Ihrem Bildschirm war, als es geschah

contents-open = Was enthält dieser Bericht?
contents-heading = Genau das wird gesendet
contents = Inhalt des Berichts
contents-left-out = weggelassen
leave-out = Das weglassen
take-in = Das doch senden
leave-out-hint = Um Einzelnes wegzulassen, setzen Sie den Cursor in seine Zeile.
left-out-count = Einzeln weggelassen: { $count }
left-out-always = Was einzeln weggelassen wurde, kann nicht immer weggelassen werden: Den nächsten Bericht sieht niemand durch. Nehmen Sie es wieder auf, oder wählen Sie für das nächste Mal etwas anderes.
search = Suchen
search-nothing = „{ $text }“ kommt im Bericht nicht vor.
back = Zurück

next-time = Nächstes Mal
next-time-ask = Wieder fragen
next-time-always = Immer ohne Frage senden
next-time-never-version = Für diese Version nicht mehr fragen
next-time-never = Nie wieder fragen

send = Bericht senden
send-always = Jetzt und immer senden
decline = Nicht senden
decline-version = Nicht senden, nicht für diese Version
decline-always = Nicht senden, nie wieder fragen
later = Später fragen
closing = Keine Antwort gilt als „{ later }“: In { $seconds } Sekunden schließt sich dieses Fenster, und nichts wird gesendet.

collecting = Es wird gesammelt, was nötig ist, um den Fehler zu finden …
collecting-memory = Der gesamte Arbeitsspeicher des Programms wird gelesen: { $done } von { $total }
leave-out-memory = Ohne den gesamten Arbeitsspeicher fortfahren
send-collecting = Bericht senden (wird noch gesammelt)
restart = { $product } danach wieder starten
save = In eine Datei speichern …
saved = Die Datei ist geschrieben. Nichts wurde gesendet.
not-saved = Die Datei konnte nicht geschrieben werden: { $why }
link-name = Hilfe

sending-title = Der Bericht ist unterwegs
sending-text = Sie können dieses Fenster schließen: Das Senden geht weiter.
sending-progress = { $done } von { $total }
sending-speed = { $done } von { $total }, { $speed } pro Sekunde
withdraw = Doch nicht senden
close-sending = Schließen, Senden geht weiter
close = Schließen
sent-title = Vielen Dank
sent-text = Der Support hat den Bericht erhalten. Wenn Sie ihm schreiben, findet er ihn unter seiner Nummer.
report-id = Nummer des Berichts
copy-id = Nummer kopieren
not-sent-title = Der Bericht konnte noch nicht gesendet werden
not-sent-why = Was geschah
again-soon = Er bleibt auf diesem Computer. In weniger als einer Minute wird das Senden wieder versucht.
again-minutes = Er bleibt auf diesem Computer. In { $minutes } Min. wird das Senden wieder versucht.
again-start = Er bleibt auf diesem Computer. Das Senden wird wieder versucht, wenn { $product } das nächste Mal startet.
nothing-title = Nichts wird gesendet
nothing-failed = Der Bericht konnte nicht fertiggestellt werden. Was davon da ist, bleibt auf diesem Computer, und Sie werden gefragt, wenn { $product } das nächste Mal startet.
nothing-lost = Der Bericht konnte nicht fertiggestellt werden, und nichts davon konnte auf diesem Computer aufbewahrt werden.
nothing-known = Dieser Fehler wurde von diesem Computer oft genug gemeldet.
nothing-withdrawn = Der Bericht ist vernichtet, wie Sie es wollten.

decimal-sign = ,
size-bytes = { $number } Bytes
size-kilobytes = { $number } kB
size-megabytes = { $number } MB
size-gigabytes = { $number } GB
