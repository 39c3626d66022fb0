/** Every command, once. The manifest, the registration and the handlers are checked against this table. */

interface CommandInfo {
  title: string;
  /** When the palette offers it; null for commands that only make sense on an element of a tree or view. */
  palette: string | null;
  icon?: string;
}

const folder = "workspaceFolderCount > 0";
const trusted = `isWorkspaceTrusted && ${folder}`;
const idle = `${trusted} && !distillery.running`;
const runs = `${folder} && distillery.hasRuns`;
const idleRuns = `${idle} && distillery.hasRuns`;

export const commandTable = {
  "distillery.runPipeline": { title: "Run Pipeline", palette: idle, icon: "$(play)" },
  "distillery.runStage": { title: "Run Stage…", palette: idleRuns },
  "distillery.resume": { title: "Resume from Checkpoint…", palette: idleRuns, icon: "$(debug-continue)" },
  "distillery.stop": { title: "Stop", palette: "distillery.running", icon: "$(debug-stop)" },
  "distillery.openPanel": { title: "Open Panel", palette: folder, icon: "$(layout-panel)" },
  "distillery.openReport": { title: "Open Report", palette: runs, icon: "$(graph)" },
  "distillery.openReportInBrowser": { title: "Open Report in Browser", palette: `${runs} && isWorkspaceTrusted` },
  "distillery.ask": { title: "Ask the Student", palette: trusted, icon: "$(comment-discussion)" },
  "distillery.askInChat": { title: "Ask the Student in Chat", palette: trusted },
  "distillery.askSelection": { title: "Ask the Student about the Selection", palette: `${trusted} && editorIsOpen` },
  "distillery.chooseTopics": {
    title: "Choose Topics",
    palette: `${folder} && distillery.hasKnowledge`,
    icon: "$(checklist)",
  },
  "distillery.setApiKey": { title: "Set API Key", palette: "isWorkspaceTrusted", icon: "$(key)" },
  "distillery.removeApiKey": { title: "Remove API Key", palette: "isWorkspaceTrusted && distillery.hasKey" },
  "distillery.setUpEnvironment": { title: "Set Up Environment", palette: "isWorkspaceTrusted" },
  "distillery.checkSetup": { title: "Check Set-up", palette: "isWorkspaceTrusted", icon: "$(checklist)" },
  "distillery.chooseEditorModel": { title: "Choose VS Code Model as Teacher", palette: "isWorkspaceTrusted" },
  "distillery.downloadStudent": { title: "Download Student Model", palette: "isWorkspaceTrusted" },
  "distillery.useAsStudent": {
    title: "Use as Student",
    palette: `${runs} && isWorkspaceTrusted`,
    icon: "$(mortar-board)",
  },
  "distillery.reviewRun": { title: "Review Questions and Answers…", palette: idleRuns },
  "distillery.redistil": { title: "Re-distil Changed Sections", palette: idleRuns },
  "distillery.rollBackStudent": { title: "Roll Back Student", palette: trusted, icon: "$(discard)" },
  "distillery.studentHistory": { title: "Student History…", palette: trusted },
  "distillery.compareRuns": { title: "Compare Runs", palette: runs, icon: "$(diff)" },
  "distillery.exportAdapter": { title: "Export Adapter", palette: `${runs} && isWorkspaceTrusted` },
  "distillery.backUpRun": { title: "Back Up Run…", palette: `${runs} && isWorkspaceTrusted` },
  "distillery.restoreRun": { title: "Restore Run…", palette: idle },
  "distillery.newKnowledge": { title: "New Knowledge Base", palette: "isWorkspaceTrusted" },
  "distillery.showLog": { title: "Show Log", palette: "true" },
  "distillery.openWalkthrough": { title: "Open Walkthrough", palette: "true" },

  "distillery.useThisFolder": { title: "Use This Folder as Knowledge Base", palette: null },
  "distillery.useSuccessor": { title: "Use the Successor of the Teacher's Model", palette: null },
  "distillery.openSample": { title: "Open the Sample Knowledge Base", palette: "isWorkspaceTrusted" },
  "distillery.openSection": { title: "Open Section", palette: null },
  "distillery.refresh": { title: "Refresh", palette: null, icon: "$(refresh)" },
  "distillery.openCheckpoint": { title: "Open Checkpoint", palette: null },
  "distillery.resumeRun": { title: "Resume from Here", palette: null, icon: "$(debug-continue)" },
  "distillery.rerunFrom": { title: "Re-run from Here", palette: null },
  "distillery.excludeAnswer": { title: "Exclude Answer…", palette: null },
  "distillery.editAnswer": { title: "Edit Answer…", palette: null },
  "distillery.approveAnswer": { title: "Approve Answer", palette: null },
  "distillery.askAgain": { title: "Ask the Teacher Again", palette: null },
  "distillery.undoDecision": { title: "Undo the Decision", palette: null },
  "distillery.compareWith": { title: "Compare with…", palette: null },
  "distillery.revealRun": { title: "Reveal in Explorer", palette: null },
  "distillery.copyAsCli": { title: "Copy as CLI Command", palette: null },
  "distillery.renameRun": { title: "Rename…", palette: null },
  "distillery.deleteRun": { title: "Delete…", palette: null },
} as const satisfies Record<string, CommandInfo>;

export type CommandId = keyof typeof commandTable;
export const commandIds = Object.keys(commandTable) as CommandId[];
