/**
 * The finder on the phone: which county a ZIP code, a city, a county or a short name means, so
 * that what people look up stays with them. It answers as backend/counties/finder.py does, with
 * the lists that for_the_phone() there gives out; a test holds the two together, and the reasons
 * for what is done here are told there. Change both or neither.
 *
 * Two answers differ, because the phone knows fewer places outside California:
 * - a ZIP code nobody has, among others that lie elsewhere ("99999"), is "outside_california"
 *   here and "unknown_zip" there;
 * - a place elsewhere with the name of one in California after it ("Boise, Fresno") is passed
 *   over here, unless it is like a name of ours; there it is a question.
 *
 * A classic script, put in front of the service worker: it may use no import and makes one name.
 */
// `var` makes a property of the global object, in a worker as in node's vm.
var finder = (() => {
  /**
   * @typedef {object} Data what for_the_phone() in backend/counties/finder.py returns
   * @property {[slug: string, name: string][]} counties
   * @property {number[][]} groups
   * @property {SideBySide} cities
   * @property {SideBySide} short_names
   * @property {number[][]} zips
   * @property {Record<string, string>} unsure_zips
   * @property {string[]} not_elsewhere
   * @property {Record<string, string>} elsewhere
   * @property {{short: Record<string, string>, directions: Record<string, string>,
   *   city_of: string[], county_of: string[], county: string[], home: string[],
   *   states: string[]}} words
   * @property {{county_suffix: string, only_digits: string, zip_at_end: string,
   *   zip_at_start: string}} patterns
   * @property {{letters: number, suggestions: number, to_choose_from: number}} most
   */
  /** @typedef {{places: string[], groups: number[]}} SideBySide */
  /** @typedef {{place: string, counties: number[]}} Name counties by their place in the list */
  /** @typedef {Map<string, Name>} Names by key */
  /**
   * @typedef {object} Found `kind` "county" has one county, "counties" several, "nothing" a reason
   * @property {"county" | "counties" | "nothing"} kind
   * @property {number[]} counties
   * @property {Reason} reason
   * @property {number[]} suggestions
   * @property {string} place
   */
  /**
   * @typedef {"" | "empty" | "outside_california" | "unknown_zip" | "not_a_zip"
   *   | "no_match"} Reason
   */

  /** Names begin with three letters or more of what was typed, and runs of words need four. */
  const SHORTEST_BEGINNING = 3;
  const SHORTEST_RUN = 4;
  const SIMILAR = 0.75;
  const MOST_SIMILAR = 3;

  /** @type {ReturnType<typeof prepare>} What is searched: set by find, read by all. */
  let known;

  /**
   * The county or counties `text` means, as slugs. Never throws, whatever the text holds.
   *
   * @param {string} text
   * @param {Data} data
   */
  function find(text, data) {
    if (known?.data !== data) prepare(data);
    const found = search(text);
    const slug = (/** @type {number} */ county) => data.counties[county][0];
    return {
      ...found,
      counties: found.counties.map(slug),
      suggestions: found.suggestions.map(slug),
    };
  }

  /**
   * The data as it is searched: maps instead of lists.
   *
   * @param {Data} data
   */
  function prepare(data) {
    const { words: lists, patterns, groups } = data;
    const whole = (/** @type {string} */ pattern) => new RegExp(`^(?:${pattern})$`, "u");
    const split = (/** @type {string[]} */ openings) => openings.map((each) => each.split(" "));
    const empty = /** @type {Names} */ (new Map());
    const prepared = {
      data,
      most: data.most,
      short: new Map(Object.entries(lists.short)),
      directions: new Map(Object.entries(lists.directions)),
      cityOf: split(lists.city_of),
      countyOf: split(lists.county_of),
      countyWords: new Set(lists.county),
      home: new Set(lists.home),
      states: new Set(lists.states),
      countySuffix: new RegExp(`([\\p{L}\\p{N}_])${patterns.county_suffix}`, "u"),
      onlyDigits: whole(patterns.only_digits),
      zipAtEnd: whole(patterns.zip_at_end),
      zipAtStart: whole(patterns.zip_at_start),
      zips: zipTable(data),
      unsureZips: new Map(Object.entries(data.unsure_zips)),
      notElsewhere: new Set(data.not_elsewhere),
      elsewhere: new Map(
        Object.entries(data.elsewhere).map(([state, them]) => [state, new Set(them.split("|"))]),
      ),
      countyNames: empty,
      cityNames: empty,
      shortNames: empty,
      names: empty,
    };
    // Keys need the word lists, so these come last.
    known = prepared;
    const byKey = (/** @type {SideBySide} */ { places, groups: of }) =>
      new Map(places.map((place, at) => [key(words(place)), { place, counties: groups[of[at]] }]));
    known.countyNames = new Map(
      data.counties.map(([, place], at) => [key(words(place)), { place, counties: [at] }]),
    );
    known.cityNames = byKey(data.cities);
    known.shortNames = byKey(data.short_names);
    const ofCounties = [...known.countyNames].map(withNamesake);
    known.names = new Map([
      ...ofCounties,
      ...known.cityNames,
      ...known.shortNames,
      ...ofCounties,
    ]);
    return prepared;
  }

  /**
   * Counties by ZIP code.
   *
   * @param {Data} data
   */
  function zipTable({ zips, groups }) {
    const table = /** @type {Map<string, number[]>} */ (new Map());
    zips.forEach((steps, at) => {
      let zip = 0;
      for (const step of steps) table.set(String((zip += step)), groups[at]);
    });
    return table;
  }

  /**
   * @param {[string, Name]} entry
   * @returns {[string, Name]}
   */
  function withNamesake([itsKey, { place, counties }]) {
    const city = known.cityNames.get(itsKey);
    const elsewhere = city && !city.counties.includes(counties[0]) ? city.counties : [];
    return [itsKey, { place, counties: [...counties, ...elsewhere] }];
  }

  /**
   * @param {string} text
   * @returns {Found}
   */
  function search(text) {
    if (size(text) > known.most.letters) return nothing("no_match");
    const cleaned = clean(text);
    if (cleaned === null) return nothing("no_match");
    if (!cleaned) return nothing("empty");
    return findDigits(cleaned) ?? findAddress(cleaned) ?? findName(cleaned);
  }

  /**
   * @param {Reason} reason
   * @param {number[]} [suggestions]
   * @param {string} [place]
   * @returns {Found}
   */
  function nothing(reason, suggestions = [], place = "") {
    const some = [...new Set(suggestions)].slice(0, known.most.suggestions);
    return { kind: "nothing", counties: [], reason, suggestions: some, place };
  }

  /**
   * @param {number[]} counties
   * @param {string} place
   * @returns {Found}
   */
  function these(counties, place) {
    const several = [...new Set(counties)];
    const kind = several.length === 1 ? "county" : "counties";
    return { kind, counties: several, reason: "", suggestions: [], place };
  }

  // Reading what was typed

  /**
   * The text in compatibility form, with ASCII digits and plain spaces; null if it is binary.
   *
   * @param {string} text
   */
  function clean(text) {
    let kept = "";
    for (const character of text.normalize("NFKC")) {
      if (/\p{Nd}/u.test(character)) kept += digit(character);
      else if (/[\t-\r\x1c-\x1f\x85\p{Z}]/u.test(character)) kept += " ";
      else if (/\p{Cc}/u.test(character)) return null;
      else if (!/\p{C}/u.test(character)) kept += character;
    }
    return kept.trim();
  }

  /**
   * The value of a decimal digit in any script: they stand ten in a row, from 0 to 9.
   *
   * @param {string} character
   */
  function digit(character) {
    const code = Number(character.codePointAt(0));
    let before = 0;
    while (/\p{Nd}/u.test(String.fromCodePoint(code - before - 1))) before += 1;
    return before % 10;
  }

  /**
   * Words in lower case without accents or punctuation, common shortenings written out.
   *
   * @param {string} text
   */
  function words(text) {
    const letters = text
      .replace(known.countySuffix, "$1 county")
      .normalize("NFKD")
      .replace(/[\p{Mn}'’ʻʼ`´.]/gu, "")
      .replace(/[^\p{L}\p{N}]/gu, " ");
    const found = fold(letters)
      .split(" ")
      .filter(Boolean)
      .map((word) => known.short.get(word) ?? word);
    if (found.length > 1 && found.some((word) => size(word) > 1)) {
      found[0] = known.directions.get(found[0]) ?? found[0];
    }
    return found;
  }

  /**
   * Small letters as Python's casefold makes them: "ß" is "ss", and one letter at a time, or a
   * sigma would change at the end of a word.
   *
   * @param {string} text
   */
  function fold(text) {
    const one = (/** @type {string} */ letter) =>
      letter === "ı" ? letter : letter.toLowerCase().toUpperCase().toLowerCase();
    return text.replace(/[^ -~]/gu, one).toLowerCase();
  }

  /** @param {string} text its length in characters, as Python counts */
  const size = (text) => [...text].length;

  /** @param {string[]} several */
  const key = (several) => several.join("");

  /**
   * The words between commas.
   *
   * @param {string} text
   */
  const parts = (text) => text.split(/[,;/|]/).map(words).filter((part) => part.length);

  /**
   * The words after one of the openings, or null if they begin with none of them.
   *
   * @param {string[]} several
   * @param {string[][]} openings
   */
  function after(several, openings) {
    const opening = openings.find(
      (each) => several.length > each.length && each.every((word, at) => several[at] === word),
    );
    return opening ? several.slice(opening.length) : null;
  }

  /**
   * The name in "Orange County" or "Condado de Orange"; null if no county is spoken of.
   *
   * @param {string[]} several
   */
  function withoutCounty(several) {
    const rest = after(several, known.countyOf);
    const ends = several.length > 1 && known.countyWords.has(several[several.length - 1]);
    return rest ?? (ends ? several.slice(0, -1) : null);
  }

  // ZIP codes

  /** @param {string} text */
  function findDigits(text) {
    if (!known.onlyDigits.test(text)) return null;
    const digits = text.replace(/\D/g, "");
    return [5, 9].includes(digits.length) ? findZip(digits.slice(0, 5)) : nothing("not_a_zip");
  }

  /**
   * A ZIP code after or before a city; both are named if they lie in different counties.
   *
   * @param {string} text
   */
  function findAddress(text) {
    const match = known.zipAtEnd.exec(text) ?? known.zipAtStart.exec(text);
    if (!match?.groups) return null;
    const { zip, words: name } = match.groups;
    const [byZip, byName] = [findZip(zip), findName(name)];
    const atStart = text.startsWith(zip);
    if (!withoutHome(parts(name)).length) return byZip;
    if (byZip.kind === "nothing" && !atStart) {
      const suggestions = byName.counties.length ? byName.counties : byZip.suggestions;
      return nothing(byZip.reason, suggestions, byZip.place);
    }
    if (atStart && [byZip.kind, byName.kind].includes("nothing")) return byName;
    const agreed = byZip.counties.some((county) => byName.counties.includes(county));
    if (byName.kind === "nothing" || agreed) return byZip;
    return these([...byZip.counties, ...byName.counties], byZip.place);
  }

  /** @param {string} zip */
  function findZip(zip) {
    const counties = known.zips.get(zip);
    if (counties) return these(counties, zip);
    if (!known.notElsewhere.has(zip.slice(0, 3))) return nothing("outside_california", [], zip);
    const city = known.names.get(key(words(known.unsureZips.get(zip) ?? "")));
    return nothing("unknown_zip", city?.counties ?? countiesNear(zip.slice(0, 3)), zip);
  }

  /**
   * The counties of the ZIP codes that start so, commonest first, then by alphabet.
   *
   * @param {string} start
   */
  function countiesNear(start) {
    const count = /** @type {Map<number, number>} */ (new Map());
    for (const [zip, counties] of known.zips) {
      if (!zip.startsWith(start)) continue;
      for (const county of counties) count.set(county, (count.get(county) ?? 0) + 1);
    }
    const byCount = [...count].sort(([one, ones], [other, others]) => others - ones || one - other);
    return byCount.map(([county]) => county);
  }

  // Names

  /**
   * The counties of a name that may be followed by a state or a county.
   *
   * @param {string} text
   */
  function findName(text) {
    const all = parts(text);
    if (!all.length) return nothing("no_match");
    const whole = key(all.flat());
    const exact = known.names.get(whole);
    if (exact) {
      if (known.states.has(whole) && same(exact, known.cityNames.get(whole))) {
        return nothing("no_match", exact.counties);
      }
      return these(exact.counties, exact.place);
    }
    const rest = withoutHome(all);
    if (!rest.length) return nothing("no_match");
    return rest.length === 1 ? findPart(rest[0]) : findParts(rest);
  }

  /**
   * @param {Name} one
   * @param {Name} [other]
   */
  const same = (one, other) =>
    one.place === other?.place && String(one.counties) === String(other.counties);

  /**
   * The parts without "CA", "California" or "USA" at their end.
   *
   * @param {string[][]} all
   */
  function withoutHome(all) {
    const rest = [...all];
    while (rest.length) {
      const last = rest[rest.length - 1];
      const length = homeWords(last);
      if (!length) break;
      rest.pop();
      if (last.length > length) rest.push(last.slice(0, -length));
    }
    return rest;
  }

  /**
   * How many of the last words only say California or the United States.
   *
   * @param {string[]} several
   */
  function homeWords(several) {
    if (known.home.has(several[several.length - 1])) return 1;
    return ["united states", "estados unidos"].includes(several.slice(-2).join(" ")) ? 2 : 0;
  }

  /**
   * One name without commas: as it is, then as a county or city, then misspelled.
   *
   * @param {string[]} several
   */
  function findPart(several) {
    const exact = lookUp(several);
    if (exact) return these(exact.counties, exact.place);
    return isInAnotherState(several) ? nothing("no_match") : findMisspelled(several);
  }

  /**
   * A name as it stands, or after "city of", or with its "county".
   *
   * @param {string[]} several
   * @returns {Name | undefined}
   */
  function lookUp(several) {
    const exact = known.names.get(key(several));
    if (exact) return exact;
    const city = after(several, known.cityOf);
    if (city) return lookUp(city);
    const rest = key(withoutCounty(several) ?? []);
    return known.countyNames.get(rest) ?? known.shortNames.get(rest);
  }

  /**
   * Whether the last words are another state's ("Reno Nevada").
   *
   * @param {string[]} several
   */
  const isInAnotherState = (several) =>
    [1, 2].some((last) => several.length > last && known.states.has(key(several.slice(-last))));

  /**
   * Names parted by commas, the narrower first: "Boyle Heights, Los Angeles".
   *
   * @param {string[][]} all
   */
  function findParts(all) {
    const [first, last] = [all[0], key(all[all.length - 1])];
    const found = all.flatMap((part) => lookUp(part) ?? []);
    const every = found.flatMap((name) => name.counties);
    const common = every.filter((county) => found.every((name) => name.counties.includes(county)));
    const agreed = common.length && found.length === all.length;
    if (!agreed && (known.states.has(last) || isElsewhere(first, last))) return nothing("no_match");
    if (!found.length || (!lookUp(first) && isElsewhere(first))) return nothing("no_match", every);
    return these(common.length ? common : every, found[0].place);
  }

  // Misspelled names

  /**
   * How many letters may be wrong, missing, added or swapped in a name of so many.
   *
   * @param {number} length
   */
  const editsForgiven = (length) => (length < 5 ? 0 : length < 9 ? 1 : 2);

  /**
   * The county of the only name near enough; a question or suggestions when in doubt.
   *
   * @param {string[]} several
   */
  function findMisspelled(several) {
    const rest = withoutCounty(several);
    const target = rest ?? several;
    const near = nearest(key(target), rest ? known.countyNames : known.names);
    const likely = likeliest(near, [...target[0]][0]);
    const counties = [...new Set(likely.flatMap(([, name]) => name.counties))];
    if (isElsewhere(several)) return nothing("no_match", counties);
    const sure = size(key(target)) >= 7 || likely.some(([itsKey]) => known.countyNames.has(itsKey));
    if (sure && counties.length && counties.length <= known.most.to_choose_from) {
      const one = counties.length === 1 || likely.length === 1;
      return these(counties, one ? likely[0][1].place : "");
    }
    return nothing("no_match", [...counties, ...suggest(target, near)]);
  }

  /**
   * Near names that begin alike, and then counties that do not ("sutte" may be Butte).
   *
   * @param {[string, Name][]} near
   * @param {string} letter
   */
  function likeliest(near, letter) {
    const alike = near.some(([itsKey]) => itsKey[0] === letter);
    return near.filter(
      ([itsKey]) => itsKey[0] === letter || (alike && known.countyNames.has(itsKey)),
    );
  }

  /**
   * Names within the forgiven edits, nearest first.
   *
   * @param {string} typed
   * @param {Names} names
   */
  function nearest(typed, names) {
    const letters = [...typed];
    const forgiven = editsForgiven(letters.length);
    const found = /** @type {[string, Name][][]} */ ([[], [], []]);
    for (const entry of names) {
      const most = Math.min(forgiven, editsForgiven(entry[0].length));
      if (Math.abs(entry[0].length - letters.length) > most) continue;
      const edits = distance(letters, entry[0], most);
      if (edits <= most) found[edits].push(entry);
    }
    return found.flat();
  }

  /**
   * Letters to add, leave out, change or swap with the next, none of them twice (the "optimal
   * string alignment" distance); any number above `most` when there are more.
   *
   * @param {ArrayLike<string>} one
   * @param {ArrayLike<string>} other
   * @param {number} most
   */
  function distance(one, other, most) {
    let above = /** @type {number[]} */ ([]);
    let row = [0];
    while (row.length <= other.length) row.push(row.length);
    for (let i = 1; i <= one.length; i += 1) {
      const next = [i];
      let least = i;
      for (let j = 1; j <= other.length; j += 1) {
        const same = one[i - 1] === other[j - 1];
        let edits = same ? row[j - 1] : 1 + Math.min(row[j - 1], row[j], next[j - 1]);
        const swapped = j > 1 && one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1];
        if (swapped) edits = Math.min(edits, above[j - 2] + 1);
        next.push(edits);
        least = Math.min(least, edits);
      }
      if (least > most) return least;
      [above, row] = [row, next];
    }
    return row[other.length];
  }

  /**
   * Whether it is rightly spelled for a place in another state that could be taken for one here
   * (or for a place in that state, "or").
   *
   * @param {string[]} several
   * @param {string} [state]
   */
  const isElsewhere = (several, state = "") =>
    Boolean(known.elsewhere.get(state)?.has(several.join(" ")));

  /**
   * Counties to try: of near names, names in the text, names it begins, similar counties.
   *
   * @param {string[]} several
   * @param {[string, Name][]} near
   */
  function suggest(several, near) {
    const typed = key(several);
    const long = size(typed) >= SHORTEST_BEGINNING;
    const inside = runs(several).flatMap((run) => known.names.get(run) ?? []);
    const begun = [...known.names].filter(([itsKey]) => long && itsKey.startsWith(typed));
    const names = (/** @type {[string, Name][]} */ entries) => entries.map(([, name]) => name);
    const all = [...names(near), ...inside, ...names(begun), ...similarCounties(typed)];
    return all.flatMap((name) => name.counties);
  }

  /**
   * Keys of up to four words in a row, longest first, without the very short ones.
   *
   * @param {string[]} several
   */
  function runs(several) {
    return [4, 3, 2, 1]
      .flatMap((length) =>
        several.slice(length - 1).map((_, start) => key(several.slice(start, start + length))),
      )
      .filter((run) => size(run) >= SHORTEST_RUN);
  }

  /** @param {string} typed */
  function similarCounties(typed) {
    const letters = [...typed];
    if (letters.length < 5) return [];
    return [...known.countyNames]
      .map(([itsKey, name]) => ({ name, score: similarity(letters, itsKey) }))
      .filter(({ score }) => score >= SIMILAR)
      .sort((one, other) => other.score - one.score)
      .slice(0, MOST_SIMILAR)
      .map(({ name }) => name);
  }

  /**
   * How much of both, from 0 to 1, is their longest common subsequence (the "Indel" similarity).
   *
   * @param {ArrayLike<string>} one
   * @param {ArrayLike<string>} other
   */
  function similarity(one, other) {
    let row = Array(other.length + 1).fill(0);
    for (let i = 0; i < one.length; i += 1) {
      const next = [0];
      for (let j = 0; j < other.length; j += 1) {
        next.push(one[i] === other[j] ? row[j] + 1 : Math.max(row[j + 1], next[j]));
      }
      row = next;
    }
    const letters = one.length + other.length;
    // Reckoned as rapidfuzz does, so that what scores alike there scores alike here.
    return 1 - (letters - 2 * row[other.length]) / letters;
  }

  return { find };
})();
