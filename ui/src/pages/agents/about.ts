// What the page asks about one agent.

import { gateway } from "../../gateway/gateway.ts";
import { Resource } from "../../state/resource.ts";

export const agents = new Resource(() => gateway.call("agents.list"), ["config.changed"]);
export const models = new Resource(() => gateway.call("models.list", {}), ["config.changed"]);
export const file = new Resource(() => gateway.call("config.get").then(({ parsed }) => parsed), ["config.changed"]);
export const channels = new Resource(() => gateway.call("channels.status", {}), ["config.changed"]);

/** What belongs to one agent, asked for anew when another is looked at. */
export class About {
  readonly files = new Resource(() => gateway.call("agents.files.list", { agentId: this.id }), ["config.changed"]);
  readonly catalog = new Resource(() => gateway.call("tools.catalog", { agentId: this.id }), ["config.changed"]);
  readonly effective = new Resource(() => gateway.call("tools.effective", { sessionKey: `agent:${this.id}:main`, agentId: this.id }), ["config.changed"]);
  readonly skills = new Resource(() => gateway.call("skills.status", { agentId: this.id }), ["config.changed"]);

  constructor(readonly id: string) {}

  follow(): () => void {
    const stops = [this.files, this.catalog, this.effective, this.skills].map((resource) => resource.follow());
    return () => stops.forEach((stop) => stop());
  }
}
