window-title = { $product } – エラー報告

apology-crash = 申し訳ございません。{ $product } は動作を停止しました。
apology-handled = 申し訳ございません。{ $product } でエラーが発生しました。プログラムは続行します。
apology-hang = 申し訳ございません。{ $product } が応答していません。
apology-memory = 申し訳ございません。{ $product } のメモリが不足しました。
apology-vanished = 申し訳ございません。{ $product } が予期せず終了しました。
apology-simulated = これは { $product } のエラー報告のテストです。
appeal = 報告は原因の究明に役立ちます。同意なしに送信されることはありません。

notice-purpose = 目的
notice-recipient = 送信先
notice-access = 閲覧できる人
notice-retention = 保存期間
notice-erasure = 削除の依頼方法

contact-heading = 追加でお知らせいただけること（任意）
first-name = 名
last-name = 姓
email = メールアドレス（返信用）
email-unusable = このアドレスには返信できません。訂正するか、空欄にしてください。
description = 発生時に何をしていましたか？

offers-heading = 報告の内容（合計 { $size }）
offers-heading-collecting = 報告に含まれうる内容
offer = { $title }（{ $size }）
offer-always = { $title }（{ $size }、すべての報告に含まれます）
category-essential = 発生した問題とその製品
category-actions = 直前のプログラム操作
category-memory = プログラムのメモリの一部
category-full-memory = プログラムのメモリ全体
category-processes = 実行中のアプリケーション、サービス、ドライバー
category-system = オペレーティングシステム、言語、プロセッサー、ディスク
category-account = ユーザーアカウント名
category-network = コンピューターとネットワークの名前
category-installed-software = インストール済みのプログラムとサービス
category-devices = ネットワークカード、プリンター、ディスプレイ
category-screen = デスクトップの画像
category-product = プログラムが追加する情報
category-attachments = プログラムが添付するファイル
warning-memory = メモリには作業中の内容やパスワードが含まれることがあります。機密データが含まれると思われる場合は、除外するか送信しないでください。
warning-screen = 画像には他のプログラムを含む画面の内容が写っています。送信前にご確認ください。
screen-image = 発生時の画面

contents-open = この報告の内容は？
contents-heading = 送信される内容のすべて
contents = 報告の内容
contents-left-out = 除外
leave-out = これを除外する
take-in = やはりこれを送信する
leave-out-hint = 1 つだけ除外するには、その行にカーソルを置いてください。
left-out-count = 個別に除外: { $count }
left-out-always = 個別に除外したものを常に除外することはできません。次のレポートを確認する人がいないためです。元に戻すか、次回の動作に別のものを選んでください。
search = 検索
search-nothing = 報告に「{ $text }」は含まれていません。
back = 戻る

next-time = 次回
next-time-ask = 再度確認する
next-time-always = 確認せずに常に送信する
next-time-never-version = このバージョンでは確認しない
next-time-never = 今後確認しない

send = 報告を送信
send-always = 今回から常に送信
decline = 送信しない
decline-version = 送信しない（このバージョン）
decline-always = 送信せず、今後確認しない
later = 後で確認
closing = 応答がない場合は「{ later }」とみなされます。{ $seconds } 秒後にこのウィンドウは閉じ、何も送信されません。

collecting = エラーの発見に必要な情報を集めています…
collecting-memory = プログラムのメモリ全体を読み取っています: { $total } 中 { $done }
leave-out-memory = メモリ全体なしで続ける
send-collecting = 報告を送信（収集中）
restart = 終わったら { $product } を再起動する
save = ファイルに保存…
saved = ファイルに書き込みました。何も送信されていません。
not-saved = ファイルに書き込めませんでした: { $why }
link-name = ヘルプ

sending-title = 報告を送信しています
sending-text = このウィンドウを閉じても送信は続きます。
sending-progress = { $total } 中 { $done }
sending-speed = { $total } 中 { $done }、毎秒 { $speed }
withdraw = やはり送信しない
close-sending = 閉じる（送信は続きます）
close = 閉じる
sent-title = ありがとうございました
sent-text = サポートが報告を受け取りました。お問い合わせの際は、この番号で見つけることができます。
report-id = 報告の番号
copy-id = 番号をコピー
not-sent-title = 報告はまだ送信できていません
not-sent-why = 起きたこと
again-soon = このコンピューターに保管されています。1 分以内に再び送信を試みます。
again-minutes = このコンピューターに保管されています。{ $minutes } 分後に再び送信を試みます。
again-start = このコンピューターに保管されています。次に { $product } を起動したときに再び送信を試みます。
nothing-title = 何も送信されません
nothing-failed = 報告を完成できませんでした。集めたものはこのコンピューターに保管され、次に { $product } を起動したときにお尋ねします。
nothing-lost = 報告を完成できず、このコンピューターに何も保管できませんでした。
nothing-known = このエラーは、このコンピューターからすでに十分な回数報告されています。
nothing-withdrawn = ご希望どおり、報告は破棄されました。

decimal-sign = .
size-bytes = { $number } バイト
size-kilobytes = { $number } kB
size-megabytes = { $number } MB
size-gigabytes = { $number } GB
