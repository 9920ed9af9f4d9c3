apology-crash = { $product } wurde beendet. Ihr Buch ist gesichert, bis zum letzten Eintrag.
