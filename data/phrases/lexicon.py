"""The words: nouns, adjectives, verbs and times, one a line, in English, French and Japanese.

Tables only; `words.py` reads them.
"""

# english [plural] | french gender | japanese counter | kinds
# Kinds are the verbs' objects (food, drink, text, ...) and `thing`: what one buys, carries, loses and finds.
THINGS = """
apple | pomme f | りんご つ | food fruit goods small
orange | orange f | オレンジ つ | food fruit goods small
banana | banane f | バナナ 本 | food fruit goods small
strawberry | fraise f | いちご つ | food fruit goods small
tomato tomatoes | tomate f | トマト つ | food vegetable goods small
carrot | carotte f | にんじん 本 | food vegetable goods small
onion | oignon m | 玉ねぎ つ | food vegetable goods small
egg | œuf m | 卵 つ | food cooked goods small
cake | gâteau m | ケーキ つ | food sweet cooked goods small order
sandwich | sandwich m | サンドイッチ つ | food cooked goods small order
lobster | *homard m | ロブスター 匹 | food cooked goods order
bread | pain m | パン 個 | food mass cooked goods
cheese | fromage m | チーズ 個 | food mass goods
meat | viande f | 肉 枚 | food mass cooked goods order
fish | poisson m | 魚 匹 | food mass cooked goods order
rice | riz m | ご飯 杯 | food mass cooked
chocolate | chocolat m | チョコレート 枚 | food mass sweet goods
jam | confiture f | ジャム 杯 | food mass sweet goods cooked
salad | salade f | サラダ 皿 | food mass cooked order
soup | soupe f | スープ 杯 | food mass cooked hot soup order
water | eau f | 水 杯 | drink mass hot
milk | lait m | 牛乳 杯 | drink mass hot goods
coffee | café m | コーヒー 杯 | drink mass hot goods
tea | thé m | お茶 杯 | drink mass hot goods
wine | vin m | ワイン 杯 | drink mass goods
beer | bière f | ビール 杯 | drink mass goods
juice | jus m | ジュース 杯 | drink mass goods
book | livre m | 本 冊 | text volume thing goods art gift
newspaper | journal m | 新聞 部 | text thing goods
magazine | magazine m | 雑誌 冊 | text volume thing goods
novel | roman m | 小説 冊 | text volume written goods art gift
poem | poème m | 詩 つ | text written art
story stories | histoire f | 物語 つ | text written told art
letter | lettre f | 手紙 通 | text written thing mail
message | message m | メッセージ 通 | text written mail
dictionary dictionaries | dictionnaire m | 辞書 冊 | volume tool thing goods gift
shirt | chemise f | シャツ 枚 | clothes upper thing goods gift
dress dresses | robe f | ドレス 着 | clothes upper thing goods gift
coat | manteau m | コート 着 | clothes upper thing goods
jacket | veste f | 上着 着 | clothes upper thing goods
skirt | jupe f | スカート 枚 | clothes lower thing goods
shoe | chaussure f | 靴 足 | clothes lower pair thing goods
sock | chaussette f | 靴下 足 | clothes lower pair thing goods
hat | chapeau m | 帽子 つ | clothes head thing goods gift
scarf scarves | écharpe f | マフラー 本 | clothes tied thing goods gift
ring | bague f | 指輪 つ | ring thing goods gift
umbrella | parapluie m | 傘 本 | thing goods tool umbrella
bag | sac m | かばん つ | thing goods carried container gift
suitcase | valise f | スーツケース つ | thing goods carried container
box boxes | boîte f | 箱 つ | thing goods carried container
bottle | bouteille f | 瓶 本 | thing carried glassy container
cup | tasse f | カップ つ | thing goods glassy dish
glass glasses | verre m | グラス つ | thing goods glassy dish
plate | assiette f | 皿 枚 | thing goods glassy dish
knife knives | couteau m | ナイフ 本 | thing goods dish tool
key | clé f | 鍵 つ | thing small
watch watches | montre f | 腕時計 つ | thing goods repairable gift
phone | téléphone m | 携帯電話 台 | thing goods repairable tool machine
computer | ordinateur m | パソコン 台 | goods repairable tool machine
television | télévision f | テレビ 台 | goods repairable machine
chair | chaise f | 椅子 つ | goods furniture carried
table | table f | テーブル つ | goods furniture carried
bed | lit m | ベッド つ | goods furniture
door | porte f | ドア つ | openable part
window | fenêtre f | 窓 つ | openable part
photo photos | photo f | 写真 枚 | seen thing shown gift
painting | tableau m | 絵 枚 | seen goods shown art gift
map | carte f | 地図 枚 | seen thing goods tool
flower | fleur f | 花 本 | seen goods gift drawn plant
tree | arbre m | 木 本 | seen drawn plant
ticket | billet m | 切符 枚 | thing goods
pen | stylo m | ペン 本 | thing goods tool
pencil | crayon m | 鉛筆 本 | thing goods tool
toy | jouet m | おもちゃ つ | thing goods repairable gift
ball | ballon m | ボール つ | thing goods gift
present | cadeau m | プレゼント つ | thing bought gift
money | argent m | お金 | mass cash
car | voiture f | 車 台 | vehicle driven goods repairable machine
bicycle | vélo m | 自転車 台 | vehicle goods repairable machine gift
bus buses | bus m | バス 台 | transport driven
train | train m | 電車 本 | transport
taxi | taxi m | タクシー 台 | transport driven
plane | avion m | 飛行機 機 | transport
boat | bateau m | 船 隻 | transport vehicle
guitar | guitare f | ギター 本 | instrument goods gift
piano | piano m | ピアノ 台 | instrument goods
violin | violon m | バイオリン 本 | instrument goods gift
song | chanson f | 歌 曲 | heard sung art
music | musique f | 音楽 曲 | heard mass
film | film m | 映画 本 | watched art
match matches | match m | 試合 つ | watched event
question | question f | 質問 つ | asked
answer | réponse f | 答え つ | grasped
lesson | leçon f | 授業 つ | grasped event
problem | problème m | 問題 つ | grasped
idea | idée f | 考え つ | thought
"""

ANIMALS = """
dog | chien m | 犬 匹 | pet seen drawn
cat | chat m | 猫 匹 | pet seen drawn
hamster | *hamster m | ハムスター 匹 | pet seen drawn
rabbit | lapin m | うさぎ 匹 | pet seen drawn
bird | oiseau m | 鳥 羽 | pet seen drawn
horse | cheval m | 馬 頭 | beast seen drawn
cow | vache f | 牛 頭 | beast seen drawn
mouse mice | souris f | ねずみ 匹 | wild seen drawn
fox foxes | renard m | 狐 匹 | wild seen drawn
frog | grenouille f | 蛙 匹 | wild seen drawn
"""

PEOPLE = """
man men | homme m | 男の人 | adult
woman women | femme f | 女の人 | adult
boy | garçon m | 男の子 | young
girl | fille f | 女の子 | young
child children | enfant m | 子供 | young owned
friend | ami m | 友達 | adult owned
neighbour | voisin m | 近所の人 | adult owned
teacher | professeur m | 先生 | adult job owned
student | étudiant m | 学生 | adult job
doctor | médecin m | 医者 | adult job
nurse | infirmière f | 看護師 | adult job
lawyer | avocat m | 弁護士 | adult job
writer | écrivain m | 作家 | adult job
baker | boulanger m | パン屋さん | adult job
cook | cuisinier m | 料理人 | adult job
singer | chanteuse f | 歌手 | adult job
actress actresses | actrice f | 女優 | adult job
farmer | fermier m | 農夫 | adult job
tourist | touriste m | 観光客 | adult
king | roi m | 王様 | adult
queen | reine f | 女王 | adult
"""

# The last column is the polite word, for a family that is not the speaker's.
# Brother and sister are the elder ones in Japanese, which has no word for just any.
FAMILY = """
mother | mère f | 母 | parent | お母さん
father | père m | 父 | parent | お父さん
sister | sœur f | 姉 | many | お姉さん
brother | frère m | 兄 | many | お兄さん
grandmother | grand-mère f | 祖母 | parent | おばあさん
grandfather | grand-père m | 祖父 | parent | おじいさん
daughter | fille f | 娘 | many | 娘さん
son | fils m | 息子 | many | 息子さん
aunt | tante f | 叔母 | many | 叔母さん
uncle | oncle m | 叔父 | many | 叔父さん
cousin | cousin m | いとこ | many | いとこ
wife wives | femme f | 妻 | spouse | 奥さん
husband | mari m | 夫 | spouse | ご主人
"""

# english | french gender | japanese | in (English), in and to (French) | kinds
PLACES = """
kitchen | cuisine f | 台所 | in dans dans | room
bedroom | chambre f | 寝室 | in dans dans | room
garden | jardin m | 庭 | in dans dans | outside room
house | maison f | 家 | in dans dans | room home
school | école f | 学校 | at à à | building work bare
office | bureau m | 会社 | at à à | building work
bank | banque f | 銀行 | at à à | building work
hospital | hôpital m | 病院 | at à à | building work
university universities | université f | 大学 | at à à | building work
library libraries | bibliothèque f | 図書館 | at à à | building work
bakery bakeries | boulangerie f | パン屋 | at à à | building work
shop | magasin m | お店 | in dans à | building work
hotel | hôtel m | ホテル | at à à | building work
restaurant | restaurant m | レストラン | at à à | building work
museum | musée m | 美術館 | at à à | building work sight
theatre | théâtre m | 劇場 | at à à | building work
cinema | cinéma m | 映画館 | at à à | building
station | gare f | 駅 | at à à | building
market | marché m | 市場 | at à à | outside
farm | ferme f | 農場 | on à à | outside work sight
church churches | église f | 教会 | in dans à | building sight
castle | château m | お城 | in dans à | building sight
park | parc m | 公園 | in dans à | outside sight
forest | forêt f | 森 | in dans dans | outside
village | village m | 村 | in dans à | outside town sight
town | ville f | 町 | in dans à | outside town sight
street | rue f | 通り | in dans dans | outside
square | place f | 広場 | in sur sur | outside
beach beaches | plage f | 浜辺 | on sur à | outside
river | rivière f | 川 | in dans à | swum
lake | lac m | 湖 | in dans à | swum sight
sea | mer f | 海 | in dans à | swum
pool | piscine f | プール | in dans à | swum
mountain | montagne f | 山 | on sur sur | sight
bridge | pont m | 橋 | on sur à | sight
"""

# english | french | to or in (French) | japanese
COUNTRIES = """
France | France | en | フランス
Japan | Japon | au | 日本
Italy | Italie | en | イタリア
Spain | Espagne | en | スペイン
Germany | Allemagne | en | ドイツ
England | Angleterre | en | イギリス
China | Chine | en | 中国
Canada | Canada | au | カナダ
"""

# english | french | japanese
LANGUAGES = """
French | français | フランス語
English | anglais | 英語
Japanese | japonais | 日本語
Spanish | espagnol | スペイン語
Italian | italien | イタリア語
"""
SPORTS = """
football | football | サッカー
tennis | tennis | テニス
basketball | basket | バスケットボール
"""

# english | french (+ stands before the noun, = goes with avoir) | japanese | kinds | japanese of people
# Japanese: i is an い-adjective, N takes だ, ~ a verb in ている (1 or 5 is its class), の a noun with の.
ADJECTIVES = """
big | +grand | 大きいi | furniture building room container sight garden park square dog horse tree boat \
    painting excess -bridge
small | +petit | 小さいi | furniture building room container garden park square village pet dish thing boat \
    -text -volume excess
new | +nouveau/nouvelle/nouvel | 新しいi | clothes vehicle machine building furniture novel film song \
    dictionary toy bag attribute
old | +vieux/vieille/vieil | 古いi | clothes vehicle machine furniture sight book dictionary photo song \
    film adult door -friend -mountain -lake | 年配N
beautiful | +beau/belle/bel | 美しいi | dress photo painting flower tree song poem garden sight beach horse \
    bird woman queen actress -farm -hotel
pretty | +joli | かわいいi | dress skirt hat scarf ring cup plate dog cat rabbit bird girl flower bag
good | +bon/bonne | いいi | book novel poem film song restaurant hotel idea answer dictionary teacher \
    doctor lawyer cook singer student
long | +long/longue | 長いi | text street bridge film scarf dress skirt excess
short | court | 短いi | text film skirt dress excess
young | +jeune | 若いi | adult excess
red | rouge | 赤いi | clothes vehicle carried cup plate door furniture flower pen pencil umbrella absolute -boat
blue | bleu | 青いi | clothes vehicle carried cup plate door furniture pen pencil umbrella absolute -boat
white | blanc/blanche | 白いi | clothes vehicle carried cup plate door furniture dog cat rabbit horse \
    flower absolute -boat
black | noir | 黒いi | clothes vehicle carried furniture dog cat horse pen umbrella absolute -boat
green | vert | 緑の | clothes vehicle carried cup plate door furniture pen pencil umbrella absolute -boat
yellow | jaune | 黄色いi | clothes vehicle cup plate flower pencil umbrella absolute -boat
grey | gris | 灰色の | clothes car dog cat rabbit mouse suitcase absolute
brown | marron! | 茶色の | clothes bag suitcase furniture dog cat horse rabbit absolute
expensive | cher/chère | 高いi | clothes machine vehicle instrument furniture watch ring wine lobster painting excess
heavy | lourd | 重いi | carried furniture dictionary excess
light | léger/légère | 軽いi | carried computer bicycle coat excess
clean | propre | きれいN | clothes dish room vehicle window -boat
dirty | sale | 汚いi | clothes dish room vehicle window street -boat excess
interesting | intéressant | 面白いi | text film lesson match museum question idea
boring | ennuyeux/ennuyeuse | つまらないi | text film lesson match
difficult | difficile | 難しいi | question lesson problem language excess
easy | facile | 簡単N | question lesson problem excess
important | important | 大切N | letter message question lesson idea
famous | célèbre | 有名N | novel song film painting sight writer singer actress lawyer -farm
modern | moderne | 現代的N | building painting furniture -bakery -bank -market
kind | +gentil/gentille | 親切N | adult -man -king -queen
intelligent | intelligent | 賢いi | adult young dog cat
hard-working | travailleur/travailleuse | 勤勉N | job
delicious | délicieux/délicieuse | おいしいi | order cooked fruit
fresh | frais/fraîche | 新鮮N | fruit vegetable fish egg
hot | chaud | 熱いi | hot excess
cold | froid | 冷たいi | drink soup -wine excess
sweet | sucré | 甘いi | sweet strawberry orange coffee excess
empty | vide | 空の | bag suitcase box bottle cup glass absolute
round | rond | 丸いi | table plate box absolute
tall | grand | 背が高いi | adult young predicate excess
quiet | calme | 静かN | village street park garden hotel library beach bedroom excess
noisy | bruyant | うるさいi | car child boy girl street town square excess
dangerous | dangereux/dangereuse | 危険N | knife street river bridge excess
useful | utile | 役に立つ5 | dictionary umbrella knife map phone computer
"""

# Only after être or avoir: how people are for a while.
FEELINGS = """
tired | fatigué | 疲れる1~ | very
happy | content | 喜ぶ5~ | very
sad | triste | 悲しむ5~ | very
hungry | =faim | お腹が空く5~ | very
thirsty | =soif | 喉が渇く5~ | very
sick | malade | 病気N
busy | occupé | 忙しいi | very
angry | fâché | 怒る5~ | very
late | =retard | 遅れる1~
ready | prêt | 準備ができる1~
alone | seul | 一人N
free | libre | 暇N
"""

# english (past participle when irregular, +particle) | french | japanese (class 1, 5 or none; ~ for ている) | kinds
DOING = """
eat ate eaten | manger | を 食べる1 | food | kitchen restaurant garden park school
drink drank drunk | boire | を 飲む5 | drink | kitchen restaurant garden office
buy bought bought | acheter | を 買う5 | goods bought vehicle | market shop
sell sold sold | vendre | を 売る5 | goods vehicle -small -dish -mass long | market shop
choose chose chosen | choisir | を 選ぶ5 | clothes gift furniture vehicle cake film once | shop
cook | cuisiner | を 料理する | meat fish rice egg lobster soup | kitchen
make made made | faire | を 作る5 | cake sandwich salad jam | kitchen
read read read | lire | を 読む5 | text | library garden park bedroom
write wrote written | écrire | を 書く5 | written | office bedroom library
see saw seen | voir | を 見る1 | seen beast wild simple | park garden museum forest street
watch | regarder | を 見る1 | watched | bedroom hotel house
look +at | regarder | を 見る1 | seen shown | museum bedroom
listen +to | écouter | を 聞く5 | heard | kitchen bedroom garden
sing sang sung | chanter | を 歌う5 | sung | church theatre street garden
open | ouvrir | を 開ける1 | openable container letter |
close | fermer | を 閉める1 | openable suitcase box bag |
wash | laver | を 洗う5 | clothes dish vehicle dog fruit vegetable -boat | kitchen garden
clean | nettoyer | を 掃除する | room |
cut cut cut | couper | を 切る5 | fruit vegetable bread cake cheese meat | kitchen
break broke broken | casser | を 割る5 | glassy once | kitchen
repair | réparer | を 修理する | repairable | garden office
drive drove driven | conduire | を 運転する | driven | street town
use | utiliser | を 使う5 | tool | office kitchen
carry | porter | を 運ぶ5 | carried | garden street
look +for | chercher | を 探す5 | thing pet hotel restaurant bank station | house bedroom street
find found found | trouver | を 見つける1 | thing pet money once | street garden bedroom park
lose lost lost | perdre | を なくす5 | thing money once -bottle -dish |
forget forgot forgotten | oublier | を 忘れる1 | thing once -bottle -dish |
draw drew drawn | dessiner | を 描く5 | drawn | garden park school
wait +for | attendre | を 待つ5 | transport adult family child -king -queen | station street
help | aider | を 手伝う5 | adult family child -king -queen | kitchen garden
invite | inviter | を 招待する | adult family -king -queen once |
meet met met | rencontrer | に 会う5 | adult -king -queen once | station park street market theatre
call | appeler | に 電話する | family friend neighbour doctor nurse lawyer teacher |
visit | visiter | を 訪れる1 | sight long |
learn learnt learnt | apprendre | を 習う5 | language long | school
study | étudier | を 勉強する | language long | library school university
teach taught taught | enseigner | を 教える1 | language long | school university
speak spoke spoken | parler | を 話す5 | language | office school
play | jouer à | を する | sport long | park garden beach
play | jouer de | を 弾く5 | instrument | theatre bedroom
answer | répondre à | に 答える1 | question letter message |
wear wore worn | porter | を 着る1 | clothes ring |
take took taken | prendre | に 乗る5 | transport |
"""

# State verbs: no progressive, imparfait in the past.
STATES = """
like liked liked | aimer | が 好きN | food drink pet beast flower film novel sport language |
love loved loved | adorer | が 大好きN | food drink pet flower film sport |
hate hated hated | détester | が 嫌いN | food drink wild |
need | avoir besoin de | が 必要N | tool fruit vegetable vehicle money doctor lawyer furniture ticket \
    bag clothes |
know knew known | connaître | を 知る5~ | song poem sight story neighbour doctor lawyer singer writer -farm |
understand understood understood | comprendre | が 分かる5 | grasped asked language message thought |
have had had | avoir | を 持つ5~ | vehicle thing machine instrument pet many friend -glassy -key |
"""

# Without an object.
ACTIVE = """
work | travailler | 働く5 | office bank hospital hotel restaurant farm library garden shop
sleep slept slept | dormir | 寝る1 | bedroom house hotel garden
swim swam swum | nager | 泳ぐ5 | river lake sea pool
run ran run | courir | 走る5 | park forest street beach
walk | marcher | 歩く5 | park forest street beach town
dance | danser | 踊る5 | theatre street square
sing sang sung | chanter | 歌う5 | church theatre garden street
cry | pleurer | 泣く5 | bedroom street
laugh | rire | 笑う5 | theatre cinema school
play | jouer | 遊ぶ5 | garden park beach street square
study | étudier | 勉強する | library school university bedroom
travel travelled travelled | voyager | 旅行する |
cook | cuisiner | 料理する | kitchen restaurant
eat ate eaten | manger | 食事をする | restaurant kitchen garden hotel
wait | attendre | 待つ5 | station street hotel
"""

# With être in the passé composé; the reflexive ones keep a time of day.
MOVING = """
arrive | arriver | 着く5
leave left left | partir | 出発する
come came come +home | rentrer | 帰る5
get got got +up | se lever | 起きる1
wake woke woken +up | se réveiller | 目を覚ます5
go went gone +to bed | se coucher | 寝る1
rest | se reposer | 休む5
fall fell fallen | tomber | 転ぶ5
"""

# english | french | japanese | tenses; long goes with what takes longer than a day, far with journeys
TIMES = """
every day | tous les jours | 毎日 | present
every morning | tous les matins | 毎朝 | present
every evening | tous les soirs | 毎晩 | present
every week | toutes les semaines | 毎週 | present long
on Sundays | le dimanche | 日曜日に | present
on Mondays | le lundi | 月曜日に | present
in the morning | le matin | 朝 | present
in the afternoon | l'après-midi | 午後 | present
in summer | en été | 夏に | present season
in winter | en hiver | 冬に | present season
now | maintenant | 今 | progressive
at the moment | en ce moment | 今 | progressive
yesterday | hier | 昨日 | past
last night | hier soir | 昨夜 | past
this morning | ce matin | 今朝 | past
last week | la semaine dernière | 先週 | past far
last year | l'année dernière | 去年 | past long far
two days ago | il y a deux jours | 二日前に | past
today | aujourd'hui | 今日 | past future
tomorrow | demain | 明日 | future
tonight | ce soir | 今夜 | future
next week | la semaine prochaine | 来週 | future far
next year | l'année prochaine | 来年 | future long far
soon | bientôt | もうすぐ | future
"""
HOURS = """
at six o'clock | à six heures | 六時に
at seven o'clock | à sept heures | 七時に
at eight o'clock | à huit heures | 八時に
at nine o'clock | à neuf heures | 九時に
at ten o'clock | à dix heures | 十時に
at noon | à midi | 正午に
at midnight | à minuit | 真夜中に
"""

# english | french | japanese
OFTEN = """
always | toujours | いつも
often | souvent | よく
sometimes | parfois | 時々
rarely | rarement | めったに
"""
NUMBERS = """
two | deux | 二
three | trois | 三
four | quatre | 四
five | cinq | 五
six | six | 六
ten | dix | 十
"""

# english | french | japanese | tenses
WEATHER = """
it is raining | il pleut | 雨が降っています | present
it is snowing | il neige | 雪が降っています | present
it is cold | il fait froid | 寒いです | present
it is hot | il fait chaud | 暑いです | present
it was cold | il faisait froid | 寒かったです | past
it was hot | il faisait chaud | 暑かったです | past
it was raining | il pleuvait | 雨が降っていました | past
it is going to rain | il va pleuvoir | 雨が降ります | future
it is going to snow | il va neiger | 雪が降ります | future
"""

# Verbs that have a pattern of their own.
SPECIAL = """
give gave given | donner | を あげる1 | gift volume
show showed shown | montrer | を 見せる1 | shown clothes toy map house
lend lent lent | prêter | を 貸す5 | volume vehicle umbrella tool
send sent sent | envoyer | を 送る5 | mail photo
go went gone | aller | に 行く5 | simple
come came come | venir | に 来る |
live | habiter | に 住む5~ |
stay | rester | に いる1 |
prefer preferred preferred | préférer | の 好きN |
"""
