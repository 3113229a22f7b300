import { m } from "$messages";
import type { Block, BlockTarget } from "$host/host";
import { shortTime } from "../format";
import { named } from "./mark";

export function targetText(target: BlockTarget): string {
  switch (target.kind) {
    case "address":
      return target.address;
    case "network":
      return target.network;
    case "account":
      return target.login;
    case "account_network":
      return m.words_target_account_from({ login: target.login, network: target.network });
    case "sending":
      return m.words_target_sending_of({ login: target.login });
  }
}

/** The same beside its kind. */
export function targetBesideKind(target: BlockTarget): string {
  return target.kind === "sending" ? target.login : targetText(target);
}

export const targetName = named<BlockTarget["kind"]>({
  address: m.words_target_address,
  network: m.words_target_network,
  account: m.words_target_account,
  account_network: m.words_target_account_network,
  sending: m.words_target_sending,
});

export function blockSentence(block: Block): string {
  const kind = targetName[block.target.kind];
  const target = targetBesideKind(block.target);
  if (block.lifted_at && block.target.kind === "sending")
    return m.words_block_may_send_again({ login: block.target.login });
  if (block.lifted_at) return m.words_block_may_again({ kind, target });
  if (!block.expires_at) return m.words_block_until_lifted({ kind, target });
  const time = shortTime(Date.parse(block.expires_at), Date.now());
  return m.words_block_until({ kind, target, time });
}
