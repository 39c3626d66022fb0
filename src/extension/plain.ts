/**
 * A text of others in a notification. VS Code makes links of `[words](address)` there, also such that run a command; with a
 * sign of no width between the brackets it is shown as it stands.
 */
export const plain = (text: string): string => text.replaceAll("](", "]\u200B(");
