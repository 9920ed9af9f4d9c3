window-title = { $product } – hlášení chyby

apology-crash = Omlouváme se: { $product } přestal fungovat.
apology-handled = Omlouváme se: v programu { $product } došlo k chybě. Program běží dál.
apology-hang = Omlouváme se: { $product } neodpovídá.
apology-memory = Omlouváme se: programu { $product } došla paměť.
apology-vanished = Omlouváme se: { $product } neočekávaně skončil.
apology-simulated = Toto je zkouška hlášení chyb programu { $product }.
appeal = Hlášení pomůže najít příčinu. Bez vašeho souhlasu se nic neodešle.

notice-purpose = K čemu
notice-recipient = Příjemce
notice-access = Kdo je může číst
notice-retention = Jak dlouho se uchovává
notice-erasure = Jak je nechat smazat

contact-heading = Chcete-li něco dodat
first-name = Jméno
last-name = Příjmení
email = E-mail, pro odpověď
email-unusable = Na tuto adresu by nikdo nemohl odpovědět. Opravte ji, nebo ji nechte prázdnou.
description = Co jste dělali, když k tomu došlo?

offers-heading = Co hlášení obsahuje, celkem { $size }
offers-heading-collecting = Co hlášení může obsahovat
offer = { $title } ({ $size })
offer-always = { $title } ({ $size }, v každém hlášení)
category-essential = Co se stalo a ve kterém produktu
category-actions = Co jste v programu dělali naposledy
category-memory = Části paměti programu
category-full-memory = Celá paměť programu
category-processes = Spuštěné aplikace, služby a ovladače
category-system = Operační systém, jazyk, procesor, disky
category-account = Název vašeho uživatelského účtu
category-network = Názvy vašeho počítače a sítě
category-installed-software = Nainstalované programy a služby
category-devices = Síťové karty, tiskárny a obrazovky
category-screen = Obrázek vaší plochy
category-product = Údaje, které přidává program
category-attachments = Soubory, které přikládá program
warning-memory = Paměť může obsahovat to, na čem jste pracovali, i hesla. Pokud si myslíte, že obsahuje důvěrné údaje, vynechte ji nebo nic neodesílejte.
warning-screen = Obrázek ukazuje, co bylo na obrazovce, i z jiných programů. Před odesláním si jej prohlédněte.
screen-image = Co bylo na obrazovce, když k tomu došlo

contents-open = Co toto hlášení obsahuje?
contents-heading = Odešle se přesně toto
contents = Obsah hlášení
contents-left-out = vynecháno
leave-out = Toto vynechat
take-in = Toto přece jen odeslat
leave-out-hint = Chcete-li vynechat jednu věc, umístěte kurzor na její řádek.
left-out-count = Vynecháno jednotlivě: { $count }
left-out-always = Co bylo vynecháno jednotlivě, nelze vynechat vždy: příští hlášení by nikdo neprohlédl. Zahrňte to znovu, nebo zvolte pro příště něco jiného.
search = Hledat
search-nothing = V hlášení není nic s textem „{ $text }“.
back = Zpět

next-time = Příště
next-time-ask = Znovu se zeptat
next-time-always = Vždy odeslat bez ptaní
next-time-never-version = Pro tuto verzi se neptat
next-time-never = Už se nikdy neptat

send = Odeslat hlášení
send-always = Odeslat teď a vždy
decline = Neodesílat
decline-version = Neodesílat, ne pro tuto verzi
decline-always = Neodesílat, už se neptat
later = Zeptat se později
closing = Žádná odpověď znamená „{ later }“: za { $seconds } s se toto okno zavře a nic se neodešle.

collecting = Shromažďuje se, co je potřeba k nalezení chyby…
collecting-memory = Čte se celá paměť programu: { $done } z { $total }
leave-out-memory = Pokračovat bez celé paměti
send-collecting = Odeslat hlášení (ještě se shromažďuje)
restart = Potom znovu spustit { $product }
save = Uložit do souboru…
saved = Soubor je zapsán. Nic nebylo odesláno.
not-saved = Soubor nelze zapsat: { $why }
link-name = Nápověda

sending-title = Hlášení je na cestě
sending-text = Toto okno můžete zavřít: odesílání pokračuje.
sending-progress = { $done } z { $total }
sending-speed = { $done } z { $total }, { $speed } za sekundu
withdraw = Přece jen neodesílat
close-sending = Zavřít, odesílání pokračuje
close = Zavřít
sent-title = Děkujeme
sent-text = Podpora hlášení dostala. Když jí napíšete, najde ho podle čísla.
report-id = Číslo hlášení
copy-id = Kopírovat číslo
not-sent-title = Hlášení zatím nebylo možné odeslat
not-sent-why = Co se stalo
again-soon = Zůstává v tomto počítači. Za méně než minutu se odeslání zkusí znovu.
again-minutes = Zůstává v tomto počítači. Za { $minutes } min se odeslání zkusí znovu.
again-start = Zůstává v tomto počítači. Odeslání se zkusí znovu při příštím spuštění { $product }.
nothing-title = Nic se neodesílá
nothing-failed = Hlášení se nepodařilo dokončit. Co z něj je, zůstává v tomto počítači, a při příštím spuštění { $product } budete dotázáni.
nothing-lost = Hlášení se nepodařilo dokončit a nic z něj se v tomto počítači nepodařilo uchovat.
nothing-known = Tato chyba byla z tohoto počítače nahlášena už dostkrát.
nothing-withdrawn = Hlášení je zničeno, jak jste si přáli.

decimal-sign = ,
size-bytes = { $number } B
size-kilobytes = { $number } kB
size-megabytes = { $number } MB
size-gigabytes = { $number } GB
