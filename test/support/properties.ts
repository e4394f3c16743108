import fc from "fast-check";

/** The same examples in every run, so that a run fails for a change and not by chance; PROPERTY_SEED=n looks at others. */
fc.configureGlobal({ seed: Number(process.env["PROPERTY_SEED"] ?? 1) });

export { fc };
