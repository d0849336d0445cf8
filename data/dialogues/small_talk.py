"""What people talk about between what they say and what they ask again: a question, and all answers that fit it.

Nothing here depends on the rest of a dialogue.
"""

from dialogues.script import Exchanges

ANYWHERE: Exchanges = {
    "How are you today?": (
        "Fine, thank you.",
        "Very well, and you?",
        "A little tired, but happy.",
        "Not so well, I have a cold.",
        "I can't complain.",
    ),
    "What lovely weather today!": (
        "Yes, at last!",
        "It is, I love the sun.",
        "I hope that it stays like this.",
        "They say that it will rain tonight.",
    ),
    "It is cold today, isn't it?": (
        "Yes, winter is coming.",
        "I don't mind the cold.",
        "Terrible! I want summer back.",
        "You should wear a thick pullover.",
    ),
    "How was your weekend?": (
        "It was very quiet.",
        "I slept a lot.",
        "We went to the mountains.",
        "Too short, as always.",
        "I worked in the garden.",
    ),
    "Do you like music?": (
        "Yes, I play the piano.",
        "I like jazz best.",
        "Only when I am alone.",
        "I love it, I sing every day.",
    ),
    "What do you do in the evening?": (
        "I read a book.",
        "I watch a film.",
        "Nothing at all.",
        "I cook something good.",
        "I go for a walk.",
    ),
    "Do you have a pet?": (
        "Yes, a dog.",
        "I have two cats.",
        "No, but I would like one.",
        "A rabbit, it eats all day.",
    ),
    "Did you sleep well?": (
        "Like a stone.",
        "No, it was too hot.",
        "Yes, thank you.",
        "Not long enough.",
    ),
}

CAFE: Exchanges = {
    "Would you like to sit inside or outside?": (
        "Inside, please.",
        "Outside, if there is a table.",
        "By the window, please.",
        "I don't mind.",
    ),
    "Is it your first time here?": (
        "Yes, it is.",
        "No, I come here every week.",
        "I was here once with friends.",
        "It is, and I like it.",
    ),
    "Would you like a newspaper?": (
        "Yes, please.",
        "No, thank you.",
        "I have a book with me.",
        "Only if it is from today.",
    ),
    "Are you waiting for somebody?": (
        "No, I am alone.",
        "Yes, for a friend.",
        "For my sister, she is late.",
        "Maybe, we will see.",
    ),
    "Is the music too loud?": (
        "No, I like it.",
        "A little, yes.",
        "Not at all.",
        "It is perfect.",
    ),
}

STREET: Exchanges = {
    "Is it far from here?": (
        "No, only a few minutes.",
        "About half an hour on foot.",
        "Not very far.",
        "It is quite far, take a taxi.",
    ),
    "Do you live here?": (
        "Yes, all my life.",
        "No, I only work here.",
        "I moved here last year.",
        "Yes, just around the corner.",
    ),
    "Is there a bus as well?": (
        "Yes, but it is slow.",
        "No, you have to walk.",
        "There is one every hour.",
        "I am not sure.",
    ),
    "What a beautiful town!": (
        "Thank you, we like it too.",
        "You should see it in spring.",
        "Yes, but it is full of tourists.",
        "It is small, but we love it.",
    ),
    "Is it open today?": (
        "I think so.",
        "Yes, until the evening.",
        "I hope so.",
        "Everything is open today.",
    ),
}

PHONE: Exchanges = {
    "Have you been here before?": (
        "Yes, once.",
        "No, never.",
        "Many times.",
        "Yes, a long time ago.",
    ),
    "How did you hear of us?": (
        "From a friend.",
        "I saw your sign.",
        "My neighbour told me.",
        "I found you in the newspaper.",
    ),
    "Will you come by car?": (
        "Yes, I will.",
        "No, by bus.",
        "I will walk.",
        "I will take a taxi.",
        "By bicycle, if it is dry.",
    ),
    "Is it urgent?": (
        "Not really.",
        "Yes, a little.",
        "It can wait.",
        "I am afraid so.",
    ),
    "May I send you a message before?": (
        "Yes, please do.",
        "Please call me instead.",
        "No, I will remember.",
        "Of course.",
    ),
}

POLITE: Exchanges = {question: ANYWHERE[question] for question in list(ANYWHERE)[:4]}
