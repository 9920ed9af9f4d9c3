window-title = { $product } – تقرير خطأ

apology-crash = عذرًا: توقف { $product } عن العمل.
apology-handled = عذرًا: حدث خطأ في { $product }. يواصل البرنامج عمله.
apology-hang = عذرًا: لم يعد { $product } يستجيب.
apology-memory = عذرًا: نفدت ذاكرة { $product }.
apology-vanished = عذرًا: انتهى { $product } على نحو غير متوقع.
apology-simulated = هذا اختبار لتقارير أخطاء { $product }.
appeal = يساعد التقرير على معرفة السبب. لا يُرسل شيء دون موافقتك.

notice-purpose = الغرض
notice-recipient = يُرسل إلى
notice-access = من يمكنه قراءته
notice-retention = مدة الاحتفاظ به
notice-erasure = لطلب حذفه

contact-heading = إذا أردت إضافة شيء
first-name = الاسم الأول
last-name = اسم العائلة
email = البريد الإلكتروني، للرد
email-unusable = لا يمكن لأحد الرد على هذا العنوان. صحّحه أو اتركه فارغًا.
description = ماذا كنت تفعل عندما حدث ذلك؟

offers-heading = محتوى التقرير، { $size } إجمالًا
offers-heading-collecting = ما يمكن أن يحتويه التقرير
offer = { $title } ({ $size })
offer-always = { $title } ({ $size }، في كل تقرير)
category-essential = ما الخطأ الذي حدث، وفي أي منتج
category-actions = آخر ما فعلته في البرنامج
category-memory = أجزاء من ذاكرة البرنامج
category-full-memory = كامل ذاكرة البرنامج
category-processes = التطبيقات والخدمات وبرامج التشغيل العاملة
category-system = نظام التشغيل واللغة والمعالج والأقراص
category-account = اسم حساب المستخدم
category-network = اسما الحاسوب والشبكة
category-installed-software = البرامج والخدمات المثبتة
category-devices = بطاقات الشبكة والطابعات والشاشات
category-screen = صورة لسطح المكتب
category-product = معلومات يضيفها البرنامج
category-attachments = ملفات يرفقها البرنامج
warning-memory = قد تحتوي الذاكرة على ما كنت تعمل عليه، حتى كلمات المرور. إذا ظننت أنها تحتوي على بيانات سرية فاستبعدها أو لا ترسل.
warning-screen = تُظهر الصورة ما كان على شاشتك، ومنه برامج أخرى. شاهدها قبل إرسالها.
screen-image = ما كان على شاشتك عندما حدث ذلك

contents-open = ماذا يحتوي هذا التقرير؟
contents-heading = هذا بالضبط ما يُرسل
contents = محتوى التقرير
contents-left-out = مستبعد
leave-out = استبعاد هذا
take-in = إرسال هذا مع ذلك
leave-out-hint = لاستبعاد عنصر واحد، ضع المؤشر على سطره.
left-out-count = ما استُبعد على حدة: { $count }
left-out-always = ما استُبعد على حدة لا يمكن استبعاده دائمًا: فلن يراجع أحد التقرير التالي. أعد تضمينه، أو اختر شيئًا آخر للمرة القادمة.
search = بحث
search-nothing = لا شيء في التقرير يحتوي على «{ $text }».
back = رجوع

next-time = في المرة القادمة
next-time-ask = اسألني مجددًا
next-time-always = أرسل هذا دائمًا دون سؤال
next-time-never-version = لا تسأل لهذا الإصدار
next-time-never = لا تسأل مجددًا أبدًا

send = إرسال التقرير
send-always = إرسال الآن ودائمًا
decline = عدم الإرسال
decline-version = عدم الإرسال لهذا الإصدار
decline-always = عدم الإرسال وعدم السؤال مجددًا
later = اسألني لاحقًا
closing = عدم الإجابة يعني «{ later }»: بعد { $seconds } ثانية تُغلق هذه النافذة ولا يُرسل شيء.

collecting = يجري جمع ما يلزم للعثور على الخطأ…
collecting-memory = تُقرأ ذاكرة البرنامج كلها: { $done } من { $total }
leave-out-memory = المتابعة دون الذاكرة كلها
send-collecting = إرسال التقرير (ما زال الجمع جاريًا)
restart = إعادة تشغيل { $product } بعد ذلك
save = حفظ في ملف…
saved = كُتب الملف. لم يُرسَل شيء.
not-saved = تعذّرت كتابة الملف: { $why }
link-name = مساعدة

sending-title = التقرير في طريقه
sending-text = يمكنك إغلاق هذه النافذة: يستمر الإرسال.
sending-progress = { $done } من { $total }
sending-speed = { $done } من { $total }، { $speed } في الثانية
withdraw = التراجع عن الإرسال
close-sending = إغلاق، ويستمر الإرسال
close = إغلاق
sent-title = شكرًا لك
sent-text = استلم الدعم التقرير. إذا راسلته فسيجده برقمه.
report-id = رقم التقرير
copy-id = نسخ الرقم
not-sent-title = تعذّر إرسال التقرير حتى الآن
not-sent-why = ما حدث
again-soon = يُحفظ في هذا الحاسوب. ستُعاد محاولة الإرسال في أقل من دقيقة.
again-minutes = يُحفظ في هذا الحاسوب. ستُعاد محاولة الإرسال بعد { $minutes } د.
again-start = يُحفظ في هذا الحاسوب. ستُعاد محاولة الإرسال عند تشغيل { $product } في المرة القادمة.
nothing-title = لا يُرسَل شيء
nothing-failed = تعذّر إكمال التقرير. ما هو موجود منه يُحفظ في هذا الحاسوب، وستُسأل عند تشغيل { $product } في المرة القادمة.
nothing-lost = تعذّر إكمال التقرير، ولم يمكن حفظ أي شيء منه في هذا الحاسوب.
nothing-known = أُبلغ عن هذا الخطأ من هذا الحاسوب مرات كافية.
nothing-withdrawn = أُتلف التقرير كما أردت.

decimal-sign = .
size-bytes = { $number } بايت
size-kilobytes = { $number } كيلوبايت
size-megabytes = { $number } ميغابايت
size-gigabytes = { $number } غيغابايت
