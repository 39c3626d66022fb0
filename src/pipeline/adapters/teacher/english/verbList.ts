/** Verbs of technical prose, in their base form, and the forms of the irregular ones. */

export const regularVerbs = `
abandon abbreviate abort absorb accelerate accept access accompany accumulate achieve acquire activate adapt add
address adhere adjust admit adopt advise affect age aggregate agree alert align allocate allow alternate amount anchor
announce anticipate appear append apply appoint approach approve archive argue arise arrange arrest arrive ask
assemble assert assess assign associate assume assure attach attack attain attempt attract attribute authenticate
authorize automate avoid await bake balance bear become begin behave belong bind blend blink block boil bolt boot
bounce bound bow brace break breed bridge bring broadcast brush buffer build bundle burn burst bury buy bypass cache
calculate calibrate call cancel cap capture carry cast catch cause cease centre certify chain change charge chase
check chill choke choose circle circulate cite claim clarify classify clean clear click climb clip clone close coat
collaborate collapse collect color colour combine command comment commit communicate compare compel compete compile
complain complete comply compress comprise compute concatenate conceal concentrate concern conclude condense conduct
confer configure confine confirm conflict conform confuse connect conquer consent conserve consider consist
consolidate constitute constrain construct consult consume contact contain continue contrast contribute control
convert convey convince cook cool coordinate cope copy correct corrode cost count counter couple cover crack crash
crawl create credit cross crumble crush curdle cure curl customize cut cycle damage dampen date deactivate deal debug
decay decide declare decline declutter decode decorate decrease dedicate deduct deem default defend define deflect
degrade delay delegate delete deliver demand denote deny depart depend depict deploy deposit deprecate derive descend
describe deserve design designate destroy detach detail detect deteriorate determine develop devise devote diagnose
dictate differ differentiate dilute dim dip direct disable disappear discard disclose disconnect discourage discuss
dismantle dismiss dispatch dispense displace dispose dissipate dissolve distinguish distort distribute disturb dive
divert divide document dominate double doubt download drag drain draw drift drip drive drop dry dump dwell ease eat
echo edit eject elect elevate eliminate embed emerge emit emphasize employ empty emulate enable enact enclose encode
encounter encrypt end enforce engage enhance enjoy enlarge enrich ensure entail enter entitle enumerate equal erect
erode escape escort establish estimate evaluate evaporate evict examine exceed exchange exclude execute exempt
exercise exert exhaust exhibit exist exit expand expect expel expire explain explode exploit explore export expose
extend extract facilitate fade fail fall falsify fasten favor favour feature feed fetch fill filter finalize find
finish fire fit fix flank flare flash flatten flee flex fling flip float flood flourish flow fluctuate flush focus
fold follow forbid forget form forward foster fracture frame free freeze fuel fulfil fulfill function furnish gain
gather gauge generate get give glide glow govern grant grasp graze greet grind grip groan ground group grow guarantee
guard guess guide gurgle halt halve hammer hand handle hang happen harden harvest haul heal heat help hesitate hide
highlight hinder hire hiss hit hoist hold honor hook host house hover hug hum hunt hurry identify idle ignite ignore
illuminate illustrate imagine imitate immerse impact impair implement implicate imply import impose imprint improve
incline include incorporate increase incur index indicate induce infer inflate influence inform inherit inhibit
initialize initiate inject inscribe insert insist inspect inspire install instantiate institute instruct insulate
integrate intend intensify interact intercept interfere interleave interpolate interpret interrupt intervene introduce
invent invest investigate invite invoke involve iron irrigate isolate issue iterate jam join jump justify keep kick
kill kneel knit knock know label lack land lap last latch lay lead leak lean learn lease leave lend lengthen let level
lie lift light lighten limit line linger link liquefy list listen litter live load locate lock lodge log look loop
loosen lose lower lubricate magnify mail maintain make manage mandate manipulate manufacture map mark marry mask match
mature maximize mean measure mediate melt memorize mention merge merit migrate mill mind mine minimize mirror mislead
mitigate mix moderate modify modulate moisten mold monitor motivate mould mount move multiply mute name narrow need
negotiate nest nominate normalize notch note notice notify nourish nudge number nurture obey oblige obscure observe
obstruct obtain occupy occur offer offload offset oil omit open operate orbit order orient originate oscillate outlast
outline outlive outperform overcome overflow overhang overheat overlap overlay overlook override oversee overtake
overwrite own oxidize pack package paint pair pare park partition pass paste pause pay peel penalize penetrate
perceive perch perforate perform permeate permit persist phase pick pierce pile pin pinch pipe pitch pivot place plan
plead pledge plot pluck plug point poke polish poll pollute pool populate pose position possess post postpone pound
pour practice practise precede predate predict prefer prefix preload prepare prepend prescribe present preserve
preside press press-fit pressurize presume prevent prime print probe proceed process procure produce progress prohibit
project prolong promise prompt pronounce propagate propel prosper protect prove provide prune publish pull pump
puncture punish purchase purge purify pursue push put qualify quantify quench query question quiet quit quote race
raise rally ramp range rank rate ratify rattle reach react read reassign reassure recede receive reckon reclaim
recognize recommend recommit reconcile record recover recreate recruit rectify recur recycle redirect reduce refer
reference refill refine reflect refrain refresh refuse regain regard register regress regulate rehearse reinforce
reiterate reject relate release relieve reload relocate rely remain remark remedy remember remind remove rename render
renew rent reorder repair repay repeat repel rephrase replace reply report represent reproduce request require reroute
rescale rescue resemble reserve reset reside resign resist resize resolve resort respect respond rest restart restate
restore restrain restrict result resume retain retire retreat retrieve retry return reuse reveal revert review revise
revive revoke revolve reward ride ring rinse rise roam roast rob roll rotate round rouse route rub ruin run rush rust
sacrifice sail sample sanction satisfy save saw say scald scale scan scare scatter schedule scope score scrape scratch
scrub sculpt seal search seat secure see seed seek seem segment seize select send sense separate sequence serialize
serve set settle sever shade shake shape share sharpen shatter shear shed shelter shield shift shine shock shoot
shorten shout shove show shrink shrug shuffle shut sift sign signal signify silence simplify simulate sink siphon sit
sketch skim skip sleep slice slide slip slope slow smash smear smoke smooth snap soak soar soften solidify solve sort
sound sow space spawn specialize specify speed spill spin splash splice split spoil spot spray spread sprinkle sprout
square squash squeeze squirt stabilise stabilize stack stagger stalk stamp stand standardize stare start startle
starve state stay steal steam steep steer stem step stick stiffen stimulate sting stipulate stir stitch stock stoke
stop store straighten strain strap stray stream strengthen stress stretch strike strip stroke struggle study stumble
subdivide submerge submit subscribe subside substitute subtract succeed succumb suffer suggest suit sum summarize
supersede supervise supplement supply support suppress surge surpass surrender surround survey survive suspect suspend
sustain swallow swap sweep swell swim swing swipe swirl switch symbolize synchronize tab tackle tailor taint take talk
tamp target taste teach team tear tell temper tempt tend terminate test testify tether thank thaw thicken thin thread
threaten thrive throttle throw thrust tickle tie tighten tile tilt time tint toast toggle tolerate top torture toss
total touch tow trace track trade trail train transcribe transfer transform translate transmit transplant transport
trap travel traverse treat tremble trickle trigger trim trip triple trouble truncate trust tuck tug tune turn twirl
twist typify uncover undergo underline undermine understand undertake undo unfold unify unite unleash unload unlock
unmount unveil unwind update upgrade urge use usher utilise utilize vacate validate vanish vaporize vary vault veer
vent ventilate verify veto vibrate view violate visit vote vow wade wait waive wake walk wander want warm warn warp
warrant wash waste watch water waver weaken wear weigh weld wet whip whirl whisper whistle whiten widen wield wind
wink wipe wish withdraw wither withstand wobble work worry worsen wound wrap wreck write yank yearn yield zero zip
`;

/** base, past, past participle; the participle is left out when it is the past. */
export const irregularVerbs = `
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
