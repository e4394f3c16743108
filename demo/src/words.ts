const ENGLISH = {
  tagline: "A shared agenda that keeps working when machines die",
  connecting: "connecting",
  connected: "live",
  waiting: "reconnecting",
  group: "A group of peers",
  groupRule: "it stands once everyone accepts",
  propose: "Propose",
  titleLabel: "What Ana proposes",
  accept: "Accept",
  decline: "Decline",
  nothing: "Nothing yet.",
  nothingHere: "Nothing yet. Let Ana propose something.",
  owner: "agenda in shard",
  pending: "pending",
  confirmed: "confirmed",
  rejected: "rejected",
  cancelled: "cancelled",
  organizes: "Ana proposes",
  accepted: "accepted",
  declined: "declined",
  asked: "asked",
  machines: "The machines underneath",
  machinesWhy:
    "Every shard is a Raft group. Kill the process that leads one, and watch another take over.",
  kill: "Kill a leader",
  killing: "Killed. A new leader is elected …",
  healing: "Waiting for the machine to come back …",
  shard: "shard",
  leader: "leader",
  follower: "follower",
  candidate: "candidate",
  unreachable: "gone",
  term: "term",
  proof: "Nothing lost, nothing twice",
  proofWhy:
    "Both agendas are written to several times a second. This page compares the position of each write " +
    "that was acknowledged with those that came back live.",
  acknowledged: "acknowledged",
  seen: "seen",
  lost: "lost",
  duplicated: "duplicated",
  failover: "failover",
  kills: "kills",
  timeline:
    "Each dot is a write: how long until it was acknowledged, over the last minute. A line is a killed leader.",
  footer: "Made on the public client library: cabildo/client.",
  ideas:
    "Walk by the river|Open the new market|Paint the town hall|Dance on Saturday|Plant a ceiba|Mend the bridge",
} as const;

export type Word = keyof typeof ENGLISH;

const SPANISH: Readonly<Record<Word, string>> = {
  tagline: "Una agenda compartida que sigue en pie aunque mueran las máquinas",
  connecting: "conectando",
  connected: "en vivo",
  waiting: "reconectando",
  group: "Un grupo de iguales",
  groupRule: "vale cuando todos aceptan",
  propose: "Proponer",
  titleLabel: "Lo que propone Ana",
  accept: "Aceptar",
  decline: "Rechazar",
  nothing: "Nada todavía.",
  nothingHere: "Nada todavía. Que Ana proponga algo.",
  owner: "agenda en el fragmento",
  pending: "pendiente",
  confirmed: "confirmado",
  rejected: "rechazado",
  cancelled: "cancelado",
  organizes: "propone Ana",
  accepted: "aceptó",
  declined: "rechazó",
  asked: "por responder",
  machines: "Las máquinas de abajo",
  machinesWhy:
    "Cada fragmento es un grupo Raft. Mata el proceso que lidera uno y mira cómo otro toma el mando.",
  kill: "Matar a un líder",
  killing: "Muerto. Se elige otro líder …",
  healing: "Esperando a que vuelva la máquina …",
  shard: "fragmento",
  leader: "líder",
  follower: "seguidor",
  candidate: "candidato",
  unreachable: "caído",
  term: "mandato",
  proof: "Nada perdido, nada repetido",
  proofWhy:
    "En ambas agendas se escribe varias veces por segundo. Esta página compara la posición de cada " +
    "escritura confirmada con las que vuelven en vivo.",
  acknowledged: "confirmadas",
  seen: "vistas",
  lost: "perdidas",
  duplicated: "repetidas",
  failover: "relevo",
  kills: "muertes",
  timeline:
    "Cada punto es una escritura: cuánto tardó en confirmarse, en el último minuto. Una línea es un líder muerto.",
  footer: "Hecha con la biblioteca pública: cabildo/client.",
  ideas:
    "Paseo junto al río|Abrir el mercado nuevo|Pintar el cabildo|Baile el sábado|Sembrar una ceiba|Arreglar el puente",
};

export type Language = "en" | "es";

const KEY = "cabildo-language";

/** The words of the page in the language of whoever looks at it. */
export class Words {
  #language: Language;
  readonly #changed = new Set<() => void>();

  constructor() {
    const kept = localStorage.getItem(KEY);
    const own = navigator.language.startsWith("es") ? "es" : "en";
    this.#language = kept === "en" || kept === "es" ? kept : own;
    this.#write();
    for (const button of document.querySelectorAll<HTMLElement>("[data-language]")) {
      button.addEventListener("click", () => {
        this.#language = button.dataset["language"] === "es" ? "es" : "en";
        localStorage.setItem(KEY, this.#language);
        this.#write();
        for (const changed of this.#changed) changed();
      });
    }
  }

  get language(): Language {
    return this.#language;
  }

  of(word: Word): string {
    return (this.#language === "es" ? SPANISH : ENGLISH)[word];
  }

  onChange(changed: () => void): void {
    this.#changed.add(changed);
  }

  #write(): void {
    document.documentElement.lang = this.#language;
    for (const element of document.querySelectorAll<HTMLElement>("[data-word]")) {
      const word = element.dataset["word"] ?? "";
      if (isWord(word)) element.textContent = this.of(word);
    }
    for (const button of document.querySelectorAll<HTMLElement>("[data-language]")) {
      button.setAttribute("aria-pressed", String(button.dataset["language"] === this.#language));
    }
  }
}

function isWord(name: string): name is Word {
  return Object.hasOwn(ENGLISH, name);
}
