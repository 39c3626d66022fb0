/** Verbs that may stand for one another in a question: one set for training wordings, another for rewordings. */

export const trainingVerbs: Readonly<Record<string, string>> = {
  hold: "store", contain: "hold", deliver: "supply", need: "require", require: "need", delete: "remove", remove: "delete",
  allow: "permit", begin: "start", use: "employ", show: "display", select: "choose", choose: "select",
  halt: "stop", stop: "halt", protect: "shield", limit: "restrict", reject: "refuse", provide: "supply", supply: "provide",
  mark: "label", replace: "exchange", clean: "wash", check: "inspect",
};

export const rewordingVerbs: Readonly<Record<string, string>> = {
  hold: "keep", contain: "have", deliver: "provide", require: "demand", delete: "erase", allow: "tolerate",
  show: "present", select: "pick", choose: "pick", protect: "guard", limit: "cap", reject: "decline", provide: "give", supply: "give",
  receive: "obtain", tighten: "fasten", replace: "swap", clean: "clear",
  check: "examine", add: "attach", restrict: "confine", change: "alter", control: "govern",
};
