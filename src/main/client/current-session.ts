import { connectAnonymously } from "./api.js";
import { contextPath } from "./context-file.js";
import { Session } from "./session.js";

/** The login of whoever runs the command. */
export function currentSession(path = contextPath()): Session {
  return new Session(path, async (context) => {
    const auth = await connectAnonymously(context);
    return await auth.refresh({ refreshToken: context.refreshToken });
  });
}
