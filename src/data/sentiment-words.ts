/** The words of the synthetic sentiment data: written for it, ordinary English, each on one side or on neither. */

/** Words that praise and words that blame, in the same grammatical form. */
export interface Sides {
  readonly good: readonly string[];
  readonly bad: readonly string[];
}

/** Something that is reviewed. */
export interface Domain {
  readonly things: readonly string[];
  /** Parts of it, singular. */
  readonly aspects: readonly string[];
  readonly adjectives: Sides;
  readonly nouns: Sides;
  /** Sentences of fact around the verdict. */
  readonly facts: readonly string[];
}

const list = (words: string): readonly string[] => words.trim().split(/\s*,\s*/);

/** Adjectives that fit every domain. */
export const ADJECTIVES: Sides = {
  good: list(`excellent, wonderful, lovely, brilliant, superb, splendid, delightful, charming, remarkable, admirable,
    pleasing, marvellous, terrific, outstanding, satisfying, enjoyable, graceful, refreshing, thoughtful, memorable,
    likeable, dependable, stylish, generous, rewarding, magnificent, polished, welcoming, clever, fantastic`),
  bad: list(`awful, terrible, dreadful, poor, horrible, mediocre, disappointing, irritating, miserable, clumsy,
    annoying, lousy, dismal, tedious, unpleasant, careless, shoddy, forgettable, frustrating, pathetic,
    ugly, unreliable, tasteless, cheap, pointless, appalling, sloppy, hostile, stupid, lamentable`),
};

/** Verbs in the third person, without an object. */
export const VERBS: Sides = {
  good: list(
    "delights, shines, impresses, sparkles, excels, pleases, soars, convinces, succeeds, charms, triumphs, satisfies",
  ),
  bad: list(
    "disappoints, annoys, fails, irritates, falters, grates, bores, stumbles, collapses, frustrates, offends, sags",
  ),
};

/** How a person took it. */
export const FEELINGS: Sides = {
  good: list("loved, adored, praised, admired, enjoyed, cherished, recommended, treasured"),
  bad: list("hated, loathed, despised, detested, disliked, resented, condemned, regretted"),
};

/** Weak and strong degrees. */
export const DEGREES = {
  weak: list("slightly, somewhat, mildly, faintly, marginally, vaguely"),
  strong: list("thoroughly, deeply, utterly, completely, immensely, overwhelmingly"),
} as const;

/** People whose opinion is not the writer's. */
export const PEOPLE =
  list(`my sister, my brother, my aunt, my uncle, our neighbour, the critic, a friend, my colleague,
  the reviewer, my grandmother, our guide, the teacher, my cousin, the salesman, a stranger, my daughter`);

/** Where and when; they open a sentence. */
export const OPENERS = list(`on a rainy Tuesday, after a long drive, three weeks later, by the second evening,
  in the middle of winter, for a Sunday afternoon, at this price, during the holidays, after several months,
  in my experience, on closer inspection, from start to finish, compared with last year, in the early morning,
  two days before my birthday, on the train home, with the whole family present, in a quiet corner of town`);

/** The five domains. */
export const DOMAINS: readonly Domain[] = [
  {
    things: list("film, movie, documentary, comedy, thriller, sequel, drama, western"),
    aspects:
      list(`plot, ending, acting, dialogue, soundtrack, camera work, opening scene, leading actress, script,
      editing, costume design, director, supporting cast, villain`),
    adjectives: {
      good: list("moving, gripping, hilarious, suspenseful, touching, inventive, dazzling, poignant"),
      bad: list("dull, predictable, wooden, contrived, boring, confusing, lifeless, incoherent"),
    },
    nouns: {
      good: list("triumph, masterpiece, joy, treasure, revelation, gem"),
      bad: list("disaster, mess, bore, failure, letdown, fiasco"),
    },
    facts: list(`We saw it at the old cinema., The screening began at nine., It runs for two hours.,
      The tickets were sold at the corner., It was filmed in Portugal., There were eleven people in the room.,
      My seat was near the aisle., It is the director's third feature.`),
  },
  {
    things: list("meal, dinner, lunch, breakfast, supper, restaurant, bakery, café"),
    aspects:
      list(`soup, bread, service, dessert, wine list, fish, roast, salad, waiter, kitchen, sauce, coffee,
      atmosphere, pastry`),
    adjectives: {
      good: list("delicious, tasty, fragrant, tender, succulent, appetizing, flavourful, crisp"),
      bad: list("bland, soggy, greasy, stale, inedible, burnt, rancid, undercooked"),
    },
    nouns: {
      good: list("delight, feast, pleasure, success, highlight, sensation"),
      bad: list("catastrophe, embarrassment, insult, nightmare, blunder, ordeal"),
    },
    facts: list(`We ordered two courses., Our table stood by the window., The menu changes every month.,
      They open at seven., We paid in cash., The place seats forty guests., A lamp hung over the table.,
      It lies behind the station.`),
  },
  {
    things: list("phone, tablet, laptop, camera, printer, keyboard, speaker, watch"),
    aspects:
      list(`battery, screen, software, charger, manual, microphone, case, update, support line, lens, button,
      display, packaging, warranty`),
    adjectives: {
      good: list("fast, sturdy, intuitive, responsive, durable, precise, bright, effortless"),
      bad: list("sluggish, flimsy, buggy, fragile, noisy, cumbersome, defective, dim"),
    },
    nouns: {
      good: list("bargain, marvel, wonder, improvement, blessing, achievement"),
      bad: list("ripoff, nuisance, waste, headache, flop, regression"),
    },
    facts:
      list(`It arrived on Monday., The box holds two cables., I use it for work., It weighs half a pound.,
      Mine is the grey one., I bought it in March., It replaced an older model., The shop is in Leeds.`),
  },
  {
    things: list("hotel, hostel, guesthouse, inn, resort, apartment, cabin, lodge"),
    aspects:
      list(`room, bed, view, reception, pool, bathroom, garden, elevator, balcony, lobby, concierge, shower,
      location, terrace`),
    adjectives: {
      good: list("comfortable, spotless, spacious, peaceful, luxurious, cosy, hospitable, airy"),
      bad: list("filthy, cramped, smelly, shabby, damp, gloomy, draughty, run-down"),
    },
    nouns: {
      good: list("paradise, haven, dream, retreat, sanctuary, luxury"),
      bad: list("dump, swindle, horror, eyesore, disgrace, dungeon"),
    },
    facts: list(`We stayed for four nights., It stands beside the harbour., The bus stops outside.,
      Check-out is at eleven., We had a corner on the third floor., There are twenty keys behind the desk.,
      Parking is across the road., The owner lives next door.`),
  },
  {
    things: list("book, novel, memoir, biography, anthology, essay, handbook, play"),
    aspects:
      list(`prose, first chapter, narrator, translation, heroine, argument, style, cover, index, epilogue,
      pacing, middle section, foreword, last page`),
    adjectives: {
      good: list("elegant, witty, profound, lucid, absorbing, eloquent, vivid, insightful"),
      bad: list("turgid, pretentious, shallow, muddled, preachy, verbose, clichéd, dreary"),
    },
    nouns: {
      good: list("classic, landmark, accomplishment, inspiration, victory, jewel"),
      bad: list("chore, slog, travesty, muddle, misfire, calamity"),
    },
    facts:
      list(`I read it in one week., It has thirty chapters., The library had one copy., It came out in autumn.,
      The story begins in Vienna., My edition has a map., It was printed on thin paper., The author lives in Oslo.`),
  },
];
