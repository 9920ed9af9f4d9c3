# The words of the dialog. $product is the product's name. Messages that a product replaces by its own are named as here.
window-title = { $product } – error report

# One sentence of apology that says what happened, by the kind of error.
apology-crash = Sorry: { $product } has stopped working.
apology-handled = Sorry: { $product } met an error. It goes on.
apology-hang = Sorry: { $product } does not answer any more.
apology-memory = Sorry: { $product } ran out of memory.
apology-vanished = Sorry: { $product } ended unexpectedly.
apology-simulated = This is a test of the error reports of { $product }.
apology-several = { $product } has met errors that are not reported yet: { $count }. What you say here holds for all of them.
appeal = A report helps to find out why. Nothing is sent unless you say so.

notice-purpose = What for
notice-recipient = Sent to
notice-access = Who can read it
notice-retention = How long it is kept
notice-erasure = To have it deleted

contact-heading = If you like to add something
first-name = First name
last-name = Last name
email = E-mail, for an answer
email-unusable = Nobody could answer to this address. Correct it or leave it empty.
description = What were you doing when it happened?

offers-heading = What the report holds, { $size } in all
offers-heading-collecting = What the report can hold
# A switch, with its size: what a screen reader says too.
offer = { $title } ({ $size })
offer-always = { $title } ({ $size }, in every report)
category-essential = What went wrong, and in which product
category-actions = What you did with the program last
category-memory = Parts of the program’s memory
category-full-memory = All of the program’s memory
category-processes = Running applications, services and drivers
category-system = Operating system, language, processor, disks
category-account = The name of your user account
category-network = Names of your computer and network
category-installed-software = Installed programs and services
category-devices = Network cards, printers and displays
category-screen = An image of your desktop
category-product = Facts that the program adds
category-attachments = Files that the program attaches
warning-memory = Memory can hold what you were working on, even passwords. If you think that it holds confidential data, leave it out or do not send.
warning-screen = The image shows what was on your screen, of other programs too. Look at it before you send it.
screen-image = What was on your screen when it happened

contents-open = What does this report contain?
contents-heading = Exactly this is sent
contents = Contents of the report
contents-left-out = left out
leave-out = Leave this out
take-in = Send this after all
leave-out-hint = To leave out a single thing, put the cursor on its line.
left-out-count = Left out one by one: { $count }
left-out-always = What was left out one by one cannot be left out always: nobody would look through the next report. Take it in again, or choose something else for the next time.
search = Search
search-nothing = Nothing in the report has “{ $text }” in it.
back = Back

next-time = Next time
next-time-ask = Ask me again
next-time-always = Always send this without asking
next-time-never-version = Never ask for this version
next-time-never = Never ask again

send = Send report
send-always = Send now and always
decline = Don’t send
decline-version = Don’t send, not for this version
decline-always = Don’t send, never ask again
later = Ask me later
closing = No answer counts as “{ later }”: in { $seconds } seconds this window closes, and nothing is sent.

collecting = Collecting what is needed to find the error…
collecting-memory = Reading all of the program’s memory: { $done } of { $total }
leave-out-memory = Go on without all of the memory
send-collecting = Send report (still collecting)
restart = Start { $product } again afterwards
save = Save to a file…
saved = The file is written. Nothing was sent.
not-saved = The file could not be written: { $why }
link-name = Help

sending-title = The report is on its way
sending-text = You can close this window: sending goes on.
sending-progress = { $done } of { $total }
sending-speed = { $done } of { $total }, { $speed } a second
withdraw = Don’t send after all
close-sending = Close, sending goes on
close = Close
sent-title = Thank you
sent-text = Support has received the report. They find it by its number if you write to them.
report-id = Number of the report
copy-id = Copy the number
not-sent-title = The report could not be sent yet
not-sent-why = What happened
again-soon = It is kept on this computer. In less than a minute sending is tried again.
again-minutes = It is kept on this computer. In { $minutes } min sending is tried again.
again-start = It is kept on this computer. Sending is tried again when { $product } is started the next time.
nothing-title = Nothing is sent
nothing-failed = The report could not be finished. What there is of it is kept on this computer, and you are asked about it another time.
nothing-lost = The report could not be finished, and nothing of it could be kept on this computer.
nothing-known = This error has been reported often enough from this computer.
nothing-withdrawn = The report is destroyed, as you wanted.

# Decimal sign and units of sizes.
decimal-sign = .
size-bytes = { $number } bytes
size-kilobytes = { $number } kB
size-megabytes = { $number } MB
size-gigabytes = { $number } GB
