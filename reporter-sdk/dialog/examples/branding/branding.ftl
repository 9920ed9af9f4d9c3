# What a product says in place of our words: see "As the product's" in docs/dialog.md.
colour = #0057b8
link = https://ledger.example/help
apology-crash = { $product } has stopped. Your book is safe: it was saved at your last entry.
