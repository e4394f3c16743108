/** Text of somebody else, for a terminal: what would steer the terminal, or turn the line around, is shown as a mark. */
export function plainText(text: string): string {
  return text.replace(/[\t\n\r]+/gu, " ").replace(/[\p{Cc}\p{Bidi_Control}]/gu, "\ufffd");
}
