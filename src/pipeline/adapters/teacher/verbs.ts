/**
 * Verbs of technical prose and their forms. A sentence whose verb is not known here is not turned
 * into a question, so a missing verb costs a question and never its grammar.
 */

/** Verbs whose -s and base forms are seldom nouns. */
const plainVerbs = `
accept achieve acquire add adjust affect agree allow announce appear append apply appoint approve argue arrive
ask assign assume attach attract authenticate avoid balance bear become become begin behave belong bind boot bring
build bypass calculate carry catch choose circulate clean clear combine compare complete compress compute confirm connect consist
contain continue control convert cool cover create decide declare decode decrease define delay delete deliver demand deny depend
deploy describe deserve destroy detach detect determine develop differ disable disappear disconnect discard distribute divide
drain draw drive eat eject elect emit employ empty enable encode encrypt end enforce ensure enter establish evaluate evict
examine exceed exclude exist expand expect expire explain expose extend fall feed fetch fill filter find finish fit flow fold follow
forbid forward free gain gather generate get give govern grant grow guarantee guide halt hang happen heat help hide hiss hold identify
ignore implement imply improve include increase indicate inherit inject insert inspect install interpret invoke join keep kill know lack
last lead leak learn leave let lie lift limit listen live locate lock look loosen lose lower maintain make manage match
mean measure melt merge mix monitor move multiply need notify obey occur offer omit open operate order override own pack pass
pause perform permit persist place point postpone pour prefer prepare present preserve press prevent process produce prohibit
protect prove provide publish pull pump push put query raise reach react read reassign receive recommend reconcile record recover recreate
reduce refer refresh refuse register reject release rely remain remember remind remove rename replace report represent require
reserve reset resize resolve respect respond rest restart restore restrict result resume retain retry return reveal reuse
rise rotate rouse run save say scan schedule scrape scrub seal see seek seem select send separate serve set settle shake share shift shrink
shut sit skip slide slip slow soak solve sort specify speed spin split spoil spread squeeze stand start starve state stay stiffen stop
store strengthen stretch strip submit substitute succeed suffer suggest summarize supply support survive swap switch take taint talk tell
tend terminate test thicken thin tie tighten tilt time touch track transfer translate travel treat trigger truncate turn
undergo understand unlock update upgrade use validate vary vent verify view violate visit wait wake want warm warn wash waste watch
waver wear weigh wipe wish withstand work wrap write yield authorize admit advise aggregate allocate archive assemble attack
await block break burn buy calibrate cancel capture cause cease charge check collect command commit communicate complain
consider consume contribute cook copy correct count cross cut deal deprecate derive dictate dim direct drop dry dump eliminate embed escape
exchange execute exit expel fail fasten fire flash flush forget form freeze function group grind handle honor hum ignite influence inform initialize
introduce isolate issue jam kick label lay lend list load log mark map mention migrate mirror mount name negotiate notice observe obtain
originate oversee overwrite pay pick plan plug populate post predict print probe promise prompt propagate purge rank recognize
recommit recycle redirect refill regulate rehearse reload relate render repair repeat request rescue reside review revert
revoke ride ring rinse roll route rub sample satisfy scale score scrape search seat secure serialize share shatter shear shield show shrug sign signal
silence sink sleep snap sound spawn spill stamp steer step stick stir strike struggle study subscribe sum swell synchronize target
tear teach throw throttle tolerate toggle top total trace train transform transmit traverse trim trip tune unwind unmount vanish
walk weaken wind withdraw wrap zero authenticate belong crack crumble curdle cure drip drift evaporate groan ground gurgle
bound change proceed engage address undertake conduct deactivate prepend append rely comply concern involve trouble interpolate encounter enumerate
fulfil fulfill instantiate interleave iterate lengthen lodge mask merit nourish orbit pare peel penetrate pinch pollute precede prescribe preside
prolong pronounce quote rescale resist sculpt seize sharpen siphon skim smear solidify splice stipulate strain subdivide subside succumb
surpass suspend swirl tether tint toast tug twirl undo utilise utilize vacate vaporize ventilate whistle whiten wither zip abandon abort absorb
accelerate accompany accumulate adapt adhere adopt align alternate anticipate arise arrange arrest assert assess associate assure attain attribute automate
blend blink boil bolt brace breed broadcast buffer bundle burst bury cast centre certify chain chase chill choke circle cite clarify classify clone
collaborate color colour comment compel compete compile comprise concatenate conceal concentrate conclude condense confer confine conflict confuse
conquer consent consolidate constitute constrain contact contrast convince cool coordinate cope corrode couple crash crawl credit curl cycle dampen
debug decay decline dedicate deduct deem defend deflect degrade delegate denote depart depict deposit descend designate detail deteriorate devise devote
diagnose differentiate dilute dip disclose discourage discuss dismantle dismiss dispatch dispense displace dispose dissipate distinguish distort disturb dive
divert document dominate doubt download dwell ease echo elevate emerge emphasize emulate enact enhance enjoy enlarge entail entitle erect erode escort
exempt exhaust explode exploit explore export import extract facilitate falsify feature finalize flank flare flatten flee flip float flourish fluctuate foster
fracture furnish glide grasp graze greet guess halve harvest haul hesitate highlight hinder hire hoist hover hug hunt idle illuminate illustrate imagine
imitate immerse impact impair implicate imprint incline incorporate index induce infer inflate inhibit inscribe insist inspire institute insulate integrate
intensify intercept interfere intervene invent invest investigate irrigate kneel knit lean lease lighten linger liquefy loop magnify mail manipulate
manufacture marry mature maximize mediate memorize mill mine minimize moderate modify modulate motivate nominate normalize notch nurture obscure obstruct occupy
offload offset oscillate outlast outlive outperform overcome overhang overlay overlook overtake oxidize package paint paste perceive perforate permeate pierce pipe
pivot plead pledge pluck poke poll pose possess pound practise practice predate prefix preload prime procure prohibit propel prosper puncture punish purchase
purify pursue qualify quantify question quit race rally ramp rate ratify reassure recede reckon recruit rectify recur refrain regain regard regress reinforce reiterate
relieve relocate remedy rent repay repel reproduce resemble resign resort restate retire retreat retrieve revise revive revolve reward roam roast rob
rotate ruin rush sacrifice sail sanction saw scald scare segment sense settle sever shade shelter shock shoot shout shove shuffle sift simulate sketch slice slope
smash smoke soar sow specialize splash spot squirt stabilise stalk stare startle steal steam steep stimulate stitch stock straighten strap stray stream
stress stroke stumble submerge supersede suppress surge surrender survey suspect sustain swim swipe tackle tailor tamp temper tempt testify thank thread threaten
thrust tickle tile torture trade trail transcribe transplant transport triple trust tuck uncover underline undermine unfold unify unleash unveil urge usher
vault veer veto vow wade wander warrant water wet whip whirl whisper wield wink worry worsen wound wreck yank yearn abbreviate access activate age alert amount anchor approach attempt bake bounce bow cache call cap claim click climb clip close coat collapse configure conform conserve construct consult conserve convey cost counter crush customize damage date declutter decorate default deliver design dissolve double drag drag edit embed enclose enrich equal establish estimate exercise exert exhibit fade favor favour fetch fix flex fling flood focus frame fuel function gauge glow grip guard hand heal hit hook host hurry impose incur initiate instruct intend interact interrupt invite iron jump justify land lap last latch leave level light line link lubricate mandate measure migrate mind mirror mislead mitigate mute narrow note number nudge oblige offset orient outline overflow overlap overheat pair park partition penalize phase pile pitch plot position postpone press press-fit pressurize presume progress project pump quiet range reclaim refine reference reflect remark renew reorder rephrase reply reroute restrain reuse round scatter scope seed sequence shape sharpen shatter shorten signify simplify smooth space sprinkle square squash stabilize stack stagger standardize stem subtract suit supervise supplement suppress surround swallow swing switch symbolize tab team thrive toss tow trap treat trickle typify unify unite unload vent vote warp waive weld widen
hammer harden house knock litter melt moisten mould mold nest oil paint perch pin point polish pool prune quench rattle rust scratch shed shine
soften spray sprout sting stoke store sweep taste thaw tighten tremble twist vibrate wobble bridge brush
`;

/** base, past, past participle; the participle is left out when it is the past. */
const irregular = `
be was been|have had|do did done|go went gone|bear bore borne|become became become|begin began begun|bind bound|bring brought|build built
|catch caught|choose chose chosen|come came come|cut cut|deal dealt|draw drew drawn|drive drove driven|eat ate eaten|fall fell fallen
|feed fed|feel felt|find found|forbid forbade forbidden|forget forgot forgotten|freeze froze frozen|get got got|give gave given|grind ground
|grow grew grown|hang hung|hide hid hidden|hold held|keep kept|know knew known|lay laid|lead led|leave left|lend lent|let let|lie lay lain
|lose lost|make made|mean meant|meet met|override overrode overridden|overwrite overwrote overwritten|pay paid|put put|read read|ride rode ridden
|ring rang rung|rise rose risen|run ran run|say said|see saw seen|seek sought|sell sold|send sent|set set|reset reset|shake shook shaken
|shear sheared shorn|shed shed|shine shone|show showed shown|shrink shrank shrunk|shut shut|sink sank sunk|sit sat|sleep slept|slide slid
|speak spoke spoken|spend spent|spin spun|split split|spread spread|stand stood|stick stuck|sting stung|strike struck|sweep swept|swell swelled swollen
|take took taken|teach taught|tear tore torn|tell told|think thought|throw threw thrown|undergo underwent undergone|understand understood
|unwind unwound|wake woke woken|wear wore worn|weave wove woven|win won|wind wound|withdraw withdrew withdrawn|withstand withstood|write wrote written
|rewrite rewrote rewritten|buy bought|break broke broken|fit fitted|oversee oversaw overseen|burn burned|learn learned|cast cast|bend bent|blow blew blown|hurt hurt
`;

/** Longer verbs that double their last consonant before -ed and -ing. */
const doubling = new Set(
  "admit begin cancel commit compel control defer deter emit equip expel forbid forget occur omit permit prefer propel recur refer regret reset submit transfer unplug unwrap".split(" "),
);

export type VerbForm = "base" | "third" | "past" | "participle" | "gerund";

const irregularForms = new Map(
  irregular.replace(/\n/g, "").split("|").map((line) => {
    const [base = "", past = "", participle = past] = line.trim().split(" ");
    return [base, { past, participle }] as const;
  }),
);

/** One short vowel and one consonant at the end of a one-syllable verb, or one of the longer ones listed. */
const stem = (base: string): string =>
  doubling.has(base) || /^[^aeiou]*[aeiou][bdgklmnprtvz]$/.test(base) ? base + base.slice(-1) : base;

/** "carry" → "carries". */
export function thirdPerson(base: string): string {
  if (base === "be") return "is";
  if (base === "have") return "has";
  if (/(?:s|x|z|ch|sh|o)$/.test(base)) return `${base}es`;
  return /[^aeiou]y$/.test(base) ? `${base.slice(0, -1)}ies` : `${base}s`;
}

/** "tighten" → "tightened", "write" → "written". */
export function participle(base: string): string {
  return irregularForms.get(base)?.participle ?? regularPast(base);
}

function regularPast(base: string): string {
  if (base.endsWith("e")) return `${base}d`;
  return /[^aeiou]y$/.test(base) ? `${base.slice(0, -1)}ied` : `${stem(base)}ed`;
}

/** "set" → "setting". */
export function gerund(base: string): string {
  if (base.endsWith("ie")) return `${base.slice(0, -2)}ying`;
  return /[^eoy]e$/.test(base) ? `${base.slice(0, -1)}ing` : `${stem(base)}ing`;
}

const forms = new Map<string, { base: string; form: VerbForm }[]>();
function addForm(text: string, base: string, form: VerbForm): void {
  const entries = forms.get(text) ?? [];
  if (!entries.some((entry) => entry.form === form && entry.base === base)) entries.push({ base, form });
  forms.set(text, entries);
}
for (const base of new Set([...plainVerbs.trim().split(/\s+/), ...irregularForms.keys()])) {
  if (base === "be") continue;
  addForm(base, base, "base");
  addForm(thirdPerson(base), base, "third");
  addForm(irregularForms.get(base)?.past ?? regularPast(base), base, "past");
  addForm(participle(base), base, "participle");
  addForm(gerund(base), base, "gerund");
}

/** The base of `word` when it can be that form of a known verb, else null. */
export function baseOf(word: string, form: VerbForm): string | null {
  const lower = word.toLowerCase();
  const known = forms.get(lower)?.find((entry) => entry.form === form)?.base;
  if (known) return known;
  // "refetches", "deactivates", "preallocates": a prefix on a known verb.
  const [, prefix, rest] = /^(re|de|un|pre|over|auto|mis|dis)-?([a-z]{4,})$/.exec(lower) ?? [];
  const inner = rest ? forms.get(rest)?.find((entry) => entry.form === form)?.base : undefined;
  return prefix && inner ? lower.slice(0, lower.length - (rest as string).length) + inner : null;
}

/** Whether a word may stand as a past participle: known verbs, and every other word in -ed. */
export const mayBeParticiple = (word: string): boolean => baseOf(word, "participle") !== null || /[a-z]{3}ed$/.test(word);
