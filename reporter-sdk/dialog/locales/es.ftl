window-title = { $product } – informe de error

apology-crash = Lo sentimos: { $product } ha dejado de funcionar.
apology-handled = Lo sentimos: se ha producido un error en { $product }. El programa continúa.
apology-hang = Lo sentimos: { $product } no responde.
apology-memory = Lo sentimos: { $product } se ha quedado sin memoria.
apology-vanished = Lo sentimos: { $product } se ha cerrado de forma inesperada.
apology-simulated = Esto es una prueba de los informes de error de { $product }.
appeal = Un informe ayuda a encontrar la causa. No se envía nada sin su consentimiento.

notice-purpose = Para qué
notice-recipient = Se envía a
notice-access = Quién puede leerlo
notice-retention = Cuánto tiempo se conserva
notice-erasure = Para que se elimine

contact-heading = Si desea añadir algo
first-name = Nombre
last-name = Apellidos
email = Correo electrónico, para una respuesta
email-unusable = Nadie podría responder a esta dirección. Corríjala o déjela vacía.
description = ¿Qué estaba haciendo cuando ocurrió?

offers-heading = Qué contiene el informe, { $size } en total
offers-heading-collecting = Lo que el informe puede contener
offer = { $title } ({ $size })
offer-always = { $title } ({ $size }, en todos los informes)
category-essential = Qué ha fallado y en qué producto
category-actions = Lo último que hizo con el programa
category-memory = Partes de la memoria del programa
category-full-memory = Toda la memoria del programa
category-processes = Aplicaciones, servicios y controladores en ejecución
category-system = Sistema operativo, idioma, procesador, discos
category-account = El nombre de su cuenta de usuario
category-network = Nombres de su equipo y de su red
category-installed-software = Programas y servicios instalados
category-devices = Tarjetas de red, impresoras y pantallas
category-screen = Una imagen de su escritorio
category-product = Datos que añade el programa
category-attachments = Archivos que adjunta el programa
warning-memory = La memoria puede contener aquello en lo que estaba trabajando, incluso contraseñas. Si cree que contiene datos confidenciales, no la incluya o no envíe el informe.
warning-screen = La imagen muestra lo que había en su pantalla, también de otros programas. Mírela antes de enviarla.
screen-image = Lo que había en su pantalla cuando ocurrió

contents-open = ¿Qué contiene este informe?
contents-heading = Se envía exactamente esto
contents = Contenido del informe
contents-left-out = no se incluye
leave-out = Omitir esto
take-in = Enviar esto de todos modos
leave-out-hint = Para omitir un solo elemento, ponga el cursor en su línea.
left-out-count = Omitidos uno a uno: { $count }
left-out-always = Lo que se ha omitido uno a uno no se puede omitir siempre: nadie revisaría el próximo informe. Inclúyalo de nuevo o elija otra cosa para la próxima vez.
search = Buscar
search-nothing = Nada en el informe contiene «{ $text }».
back = Atrás

next-time = La próxima vez
next-time-ask = Volver a preguntar
next-time-always = Enviar siempre esto sin preguntar
next-time-never-version = No preguntar para esta versión
next-time-never = No volver a preguntar

send = Enviar informe
send-always = Enviar ahora y siempre
decline = No enviar
decline-version = No enviar, no para esta versión
decline-always = No enviar ni volver a preguntar
later = Preguntar más tarde
closing = Sin respuesta vale «{ later }»: en { $seconds } segundos se cierra esta ventana y no se envía nada.

collecting = Recopilando lo necesario para encontrar el error…
collecting-memory = Leyendo toda la memoria del programa: { $done } de { $total }
leave-out-memory = Continuar sin toda la memoria
send-collecting = Enviar informe (aún recopilando)
restart = Volver a iniciar { $product } después
save = Guardar en un archivo…
saved = El archivo está escrito. No se ha enviado nada.
not-saved = No se pudo escribir el archivo: { $why }
link-name = Ayuda

sending-title = El informe está en camino
sending-text = Puede cerrar esta ventana: el envío continúa.
sending-progress = { $done } de { $total }
sending-speed = { $done } de { $total }, { $speed } por segundo
withdraw = Mejor no enviar
close-sending = Cerrar, el envío continúa
close = Cerrar
sent-title = Gracias
sent-text = El soporte ha recibido el informe. Si le escribe, lo encontrará por su número.
report-id = Número del informe
copy-id = Copiar el número
not-sent-title = Aún no se ha podido enviar el informe
not-sent-why = Qué ocurrió
again-soon = Se conserva en este equipo. En menos de un minuto se volverá a intentar el envío.
again-minutes = Se conserva en este equipo. En { $minutes } min se volverá a intentar el envío.
again-start = Se conserva en este equipo. Se volverá a intentar el envío la próxima vez que se inicie { $product }.
nothing-title = No se envía nada
nothing-failed = No se pudo terminar el informe. Lo que hay de él se conserva en este equipo, y se le preguntará la próxima vez que se inicie { $product }.
nothing-lost = No se pudo terminar el informe, y no se pudo conservar nada de él en este equipo.
nothing-known = Este error ya se ha notificado suficientes veces desde este equipo.
nothing-withdrawn = El informe se ha destruido, como usted quería.

decimal-sign = ,
size-bytes = { $number } bytes
size-kilobytes = { $number } kB
size-megabytes = { $number } MB
size-gigabytes = { $number } GB
