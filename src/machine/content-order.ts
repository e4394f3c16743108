import type { EventContent } from "../domain/index.js";
import { compareText } from "./text.js";

export function inOrder(content: EventContent): EventContent {
  const labels = [...content.labels].sort((a, b) => compareText(a.key, b.key));
  return { ...content, labels };
}
