window-title = { $product } – rapport d’erreur

apology-crash = Désolé : { $product } a cessé de fonctionner.
apology-handled = Désolé : une erreur s’est produite dans { $product }. Le programme continue.
apology-hang = Désolé : { $product } ne répond plus.
apology-memory = Désolé : { $product } a manqué de mémoire.
apology-vanished = Désolé : { $product } s’est arrêté de façon inattendue.
apology-simulated = Ceci est un test des rapports d’erreur de { $product }.
appeal = Un rapport aide à en trouver la cause. Rien n’est envoyé sans votre accord.

notice-purpose = But
notice-recipient = Destinataire
notice-access = Qui peut le lire
notice-retention = Durée de conservation
notice-erasure = Pour le faire effacer

contact-heading = Si vous souhaitez ajouter quelque chose
first-name = Prénom
last-name = Nom
email = Adresse e-mail, pour une réponse
email-unusable = Personne ne pourrait répondre à cette adresse. Corrigez-la ou laissez le champ vide.
description = Que faisiez-vous quand cela s’est produit ?

offers-heading = Contenu du rapport, { $size } en tout
offers-heading-collecting = Ce que le rapport peut contenir
offer = { $title } ({ $size })
offer-always = { $title } ({ $size }, dans chaque rapport)
category-essential = Ce qui s’est passé, et dans quel produit
category-actions = Vos dernières actions dans le programme
category-memory = Des parties de la mémoire du programme
category-full-memory = Toute la mémoire du programme
category-processes = Applications, services et pilotes en cours d’exécution
category-system = Système d’exploitation, langue, processeur, disques
category-account = Le nom de votre compte utilisateur
category-network = Noms de votre ordinateur et de votre réseau
category-installed-software = Programmes et services installés
category-devices = Cartes réseau, imprimantes et écrans
category-screen = Une image de votre bureau
category-product = Informations ajoutées par le programme
category-attachments = Fichiers joints par le programme
warning-memory = La mémoire peut contenir ce sur quoi vous travailliez, même des mots de passe. Si vous pensez qu’elle contient des données confidentielles, ne l’incluez pas ou n’envoyez rien.
warning-screen = L’image montre ce qui était sur votre écran, y compris d’autres programmes. Regardez-la avant de l’envoyer.
screen-image = Ce qui était sur votre écran quand cela s’est produit

contents-open = Que contient ce rapport ?
contents-heading = Voici exactement ce qui est envoyé
contents = Contenu du rapport
contents-left-out = non inclus
leave-out = Omettre ceci
take-in = Envoyer ceci tout de même
leave-out-hint = Pour omettre un seul élément, placez le curseur sur sa ligne.
left-out-count = Omis un à un : { $count }
left-out-always = Ce qui a été omis un à un ne peut pas l’être toujours : personne ne relirait le prochain rapport. Reprenez-le, ou choisissez autre chose pour la prochaine fois.
search = Rechercher
search-nothing = Rien dans le rapport ne contient « { $text } ».
back = Retour

next-time = La prochaine fois
next-time-ask = Me demander à nouveau
next-time-always = Toujours envoyer ceci sans demander
next-time-never-version = Ne plus demander pour cette version
next-time-never = Ne plus jamais demander

send = Envoyer le rapport
send-always = Envoyer maintenant et toujours
decline = Ne pas envoyer
decline-version = Ne pas envoyer, pas pour cette version
decline-always = Ne pas envoyer, ne plus demander
later = Me demander plus tard
closing = Sans réponse, « { later } » s’applique : dans { $seconds } secondes, cette fenêtre se ferme et rien n’est envoyé.

collecting = Collecte de ce qu’il faut pour trouver l’erreur…
collecting-memory = Lecture de toute la mémoire du programme : { $done } sur { $total }
leave-out-memory = Continuer sans toute la mémoire
send-collecting = Envoyer le rapport (collecte en cours)
restart = Redémarrer { $product } ensuite
save = Enregistrer dans un fichier…
saved = Le fichier est écrit. Rien n’a été envoyé.
not-saved = Le fichier n’a pas pu être écrit : { $why }
link-name = Aide

sending-title = Le rapport est en cours d’envoi
sending-text = Vous pouvez fermer cette fenêtre : l’envoi continue.
sending-progress = { $done } sur { $total }
sending-speed = { $done } sur { $total }, { $speed } par seconde
withdraw = Finalement, ne pas envoyer
close-sending = Fermer, l’envoi continue
close = Fermer
sent-title = Merci
sent-text = Le support a reçu le rapport. Si vous lui écrivez, il le retrouve par son numéro.
report-id = Numéro du rapport
copy-id = Copier le numéro
not-sent-title = Le rapport n’a pas encore pu être envoyé
not-sent-why = Ce qui s’est passé
again-soon = Il est conservé sur cet ordinateur. Dans moins d’une minute, l’envoi sera tenté de nouveau.
again-minutes = Il est conservé sur cet ordinateur. Dans { $minutes } min, l’envoi sera tenté de nouveau.
again-start = Il est conservé sur cet ordinateur. L’envoi sera tenté de nouveau au prochain démarrage de { $product }.
nothing-title = Rien n’est envoyé
nothing-failed = Le rapport n’a pas pu être terminé. Ce qui en existe est conservé sur cet ordinateur, et la question vous sera posée au prochain démarrage de { $product }.
nothing-lost = Le rapport n’a pas pu être terminé, et rien n’a pu en être conservé sur cet ordinateur.
nothing-known = Cette erreur a été signalée assez souvent depuis cet ordinateur.
nothing-withdrawn = Le rapport est détruit, comme vous le vouliez.

decimal-sign = ,
size-bytes = { $number } octets
size-kilobytes = { $number } ko
size-megabytes = { $number } Mo
size-gigabytes = { $number } Go
