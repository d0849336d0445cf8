"""Everyday situations. A scene is a function that writes one dialogue about the values that it is given.

Something is said early and asked for again after talk about other things. `SCENES` says what the values of a scene can
be: every combination of them is a dialogue of its own, whatever its words.
"""

from collections.abc import Callable
from typing import NamedTuple

from dialogues.script import Script, a
from dialogues.small_talk import ANYWHERE, CAFE, PHONE, POLITE, STREET

Values = tuple[str, ...]

DRINKS = "coffee|tea|milk|water|juice|beer|wine|lemonade|cocoa|cider"
FOODS = "sandwich|salad|soup|pizza|omelette|toast|cake|biscuit|pancake|pie"
PLACES = "station|museum|hospital|library|market|theatre|castle|post office"
LANDMARKS = "bank|church|bridge|school|bakery|hotel|fountain|cinema"
SIDES = "left|right"
DAYS = "Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday"
HOURS = "two|three|four|five|six|seven|eight|nine"
EXPERTS = "doctor|dentist|hairdresser|lawyer|optician|vet"
LENT = "bicycle|guitar|umbrella|dictionary|camera|tent|ladder|suitcase|novel|drill"
CLOTHES = "shirt|dress|coat|jacket|hat|scarf|pullover|belt"
COLOURS = "red|blue|green|yellow|black|white|brown|grey"
PRICES = "twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
TOWNS = "Paris|London|Rome|Madrid|Vienna|Berlin|Lisbon|Prague"
LOST = "umbrella|bag|wallet|hat|scarf|coat|suitcase|purse"
WHERE = "in the park|on the bus|at the station|in the cinema|at the market|on the train"
COUNTRIES = "France|Japan|Italy|Spain|Germany|England|China|Canada|Brazil|Greece"
JOBS = "baker|teacher|nurse|cook|farmer|singer|writer|gardener|pilot|carpenter"


def cafe(s: Script, values: Values) -> None:
    drink, food = values
    s.says("Good morning. What can I bring you?", "Hello. What would you like?", "Are you ready to order?")
    s.says(
        f"{a(drink)} and {a(food)}, please.",
        f"I would like {a(food)} and {a(drink)}, please.",
        f"Could I have {a(drink)} and {a(food)}?",
    )
    s.talks({**ANYWHERE, **CAFE}, f"{a(drink)} and {a(food)}, very good.")
    match s.d.one(["all", "drink", "food", "both"]):
        case "all":
            s.says("Sorry, what was your order?", "Can you tell me your order again?")
            s.recalls(f"{a(drink)} and {a(food)}.", f"I ordered {a(drink)} and {a(food)}.")
        case "drink":
            s.says("Sorry, what did you want to drink?")
            s.recalls(f"{a(drink)}, please.", f"I ordered {a(drink)}.")
        case "food":
            s.says("Sorry, what did you want to eat?")
            s.recalls(f"{a(food)}, please.", f"I ordered {a(food)}.")
        case "both":
            s.says("Sorry, what did you want to drink?")
            s.recalls(f"{a(drink)}, please.", f"I ordered {a(drink)}.")
            s.says("And to eat?")
            s.recalls(f"{a(food)}, please.", f"I ordered {a(food)}.")


def way(s: Script, values: Values) -> None:
    place, side, landmark = values
    s.says(f"Excuse me, how do I get to the {place}?", f"Hello. I am looking for the {place}.")
    s.says(f"Go straight on and turn {side} at the {landmark}.", f"You have to turn {side} at the {landmark}.")
    s.talks(STREET, f"{side} at the {landmark}, thank you.")
    match s.d.one(["turn", "place"]):
        case "turn":
            s.says("Sorry, where do I have to turn?", "Could you tell me once more where to turn?")
            s.recalls(f"Turn {side} at the {landmark}.", f"{side}, at the {landmark}.")
        case "place":
            s.says("I think I know the way now. Thank you!", "Thank you, that was very kind!")
            s.says("Wait, what were you looking for?", "Sorry, where did you want to go?")
            s.recalls(f"The {place}.", f"I am looking for the {place}.")


def appointment(s: Script, values: Values) -> None:
    expert, day, hour = values
    s.says(f"Hello, I need an appointment with the {expert}.", f"Good morning. I would like to see the {expert}.")
    s.says(f"Can you come on {day} at {hour}?", f"There is time on {day} at {hour}.")
    s.answers("Yes, that is fine.", "That suits me.", "Yes, I can come then.", "Perfect.")
    s.talks(PHONE, f"On {day} at {hour}, then.")
    match s.d.one(["when", "day"]):
        case "when":
            s.says("Very good. See you then.", "All right, we expect you.", "Good. I have written it down.")
            s.says("Sorry, when was it?", "When do I have to come?")
            s.recalls(f"On {day} at {hour}.", f"Come on {day} at {hour}.")
        case "day":
            s.says("Sorry, which day did we say?")
            s.recalls(f"{day}.", f"We said {day}.")
            if s.d.chance(0.5):
                s.says("And at what time?")
                s.recalls(f"At {hour}.", f"At {hour}, I think.")


def lending(s: Script, values: Values) -> None:
    thing, day = values
    s.says(f"Could you lend me your {thing}?", f"May I borrow your {thing}?")
    s.says(f"Yes, but I need it back on {day}.", f"Of course. Bring it back on {day}.")
    s.talks(ANYWHERE, f"On {day}, I promise.")
    match s.d.one(["day", "thing", "both"]):
        case "day":
            s.says("When do you need it back?", "Which day was it?")
            s.recalls(f"On {day}.", f"On {day}, please.")
        case "thing":
            s.says("Now I have to go.", "I will call you tomorrow.", "You are a good friend.")
            s.says("What did you want to borrow?", "Wait, what was it that you needed?")
            s.recalls(f"Your {thing}.", f"I wanted to borrow your {thing}.")
        case "both":
            s.says("When do you need it back?")
            s.recalls(f"On {day}.", f"On {day}, please.")
            s.says("Good. I will be careful.", "I promise.", "All right.")
            s.says("What did you want to borrow?")
            s.recalls(f"Your {thing}.", f"I wanted to borrow your {thing}.")


def shop(s: Script, values: Values) -> None:
    colour, garment, price = values
    s.says(f"I am looking for {a(colour)} {garment}.", f"Do you have {a(colour)} {garment}?")
    s.says(f"Yes, this one costs {price} euros.", f"Here you are. It is {price} euros.")
    s.talks(POLITE, f"{price} euros, I see.")
    match s.d.one(["price", "what"]):
        case "price":
            s.says("How much was it?", "Sorry, what did you say it costs?")
            s.recalls(f"{price} euros.", f"It costs {price} euros.")
        case "what":
            s.says("I will think about it.", "I have to ask at home first.")
            s.says("What shall I put aside for you?", "Sorry, what was it that you wanted?")
            s.recalls(f"The {colour} {garment}.", f"The {colour} {garment}, please.")


def train(s: Script, values: Values) -> None:
    town, platform, hour = values
    s.says(f"When does the next train to {town} leave?", f"Is there a train to {town} today?")
    s.says(f"At {hour}, from platform {platform}.", f"It leaves at {hour} from platform {platform}.")
    s.talks(POLITE, f"At {hour} from platform {platform}, I see.")
    match s.d.one(["platform", "hour", "town", "both"]):
        case "platform":
            s.says("Sorry, which platform was it?")
            s.recalls(f"Platform {platform}.", f"It was platform {platform}.")
        case "hour":
            s.says("Sorry, when does it leave?")
            s.recalls(f"At {hour}.", f"It leaves at {hour}.")
        case "town":
            s.says("One ticket, please.", "I would like a ticket for it.")
            s.says("Sorry, where do you want to go?", "Where to, please?")
            s.recalls(f"To {town}.", f"I want to go to {town}.")
        case "both":
            s.says("Sorry, when does it leave?")
            s.recalls(f"At {hour}.", f"It leaves at {hour}.")
            s.says("And from which platform?")
            s.recalls(f"Platform {platform}.", f"It was platform {platform}.")


def lost(s: Script, values: Values) -> None:
    colour, thing, where = values
    s.says("Good afternoon. How can I help you?", "Hello. What can I do for you?", "Yes, please?")
    s.says(f"I have lost my {colour} {thing} {where}.", f"I left my {colour} {thing} {where}.")
    s.talks(POLITE, f"{a(colour)} {thing}, {where}, I see.")
    match s.d.one(["what", "where", "colour"]):
        case "what":
            s.says("Let me write it down. What did you lose?")
            s.recalls(f"My {thing}.", f"{a(colour)} {thing}.")
        case "where":
            s.says("Where did it happen?", "And where was that?")
            s.recalls(f"{where}.", f"It was {where}.")
        case "colour":
            s.says("What colour was it?", "Can you tell me the colour again?")
            s.recalls(f"{colour}.", f"It was {colour}.")


def meeting(s: Script, values: Values) -> None:
    country, job = values
    s.says("Hello, are you new here?", "Hello! Have you just moved here?", "Welcome! Are you our new neighbour?")
    s.says(
        f"Yes, I come from {country} and I work as {a(job)}.",
        f"I am from {country}, and I am {a(job)}.",
    )
    s.talks(ANYWHERE, f"{a(job)} from {country}, how nice!")
    match s.d.one(["country", "job", "both"]):
        case "country":
            s.says("Which country did you say you come from?", "Where did you live before?")
            s.recalls(f"{country}.", f"I lived in {country}.")
        case "job":
            s.says("What did you say you do?", "Sorry, what was your job?")
            s.recalls(f"I am {a(job)}.", f"I work as {a(job)}.")
        case "both":
            s.says("What did you say you do?")
            s.recalls(f"I am {a(job)}.", f"I work as {a(job)}.")
            s.says("And where did you live before?")
            s.recalls(f"{country}.", f"I lived in {country}.")


class Scene(NamedTuple):
    write: Callable[[Script, Values], None]
    values: tuple[str, ...]


SCENES: dict[str, Scene] = {
    "cafe": Scene(cafe, (DRINKS, FOODS)),
    "way": Scene(way, (PLACES, SIDES, LANDMARKS)),
    "appointment": Scene(appointment, (EXPERTS, DAYS, HOURS)),
    "lending": Scene(lending, (LENT, DAYS)),
    "shop": Scene(shop, (COLOURS, CLOTHES, PRICES)),
    "train": Scene(train, (TOWNS, HOURS, HOURS)),
    "lost": Scene(lost, (COLOURS, LOST, WHERE)),
    "meeting": Scene(meeting, (COUNTRIES, JOBS)),
}
