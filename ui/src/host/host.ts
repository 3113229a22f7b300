import type * as t from "./types";

export type * from "./types";

/**
 * What the desktop core does for a window: one method a command. Each rejects with a `Problem`.
 * Only this folder knows how the core is reached.
 */
export interface Host {
  view(): Promise<t.View>;

  startEmbedded(): Promise<void>;
  setUp(request: t.SetUpRequest): Promise<t.RecoveryCodes>;
  connect(request: t.ConnectRequest): Promise<void>;
  choosePassphrase(passphrase: string): Promise<void>;

  signIn(credentials: t.Credentials): Promise<t.SignInStep>;
  answerChallenge(answer: t.ChallengeAnswer): Promise<t.SignInStep>;
  resendCode(): Promise<t.SignInStep>;
  signOut(): Promise<void>;
  forgetService(): Promise<void>;

  lock(): Promise<void>;
  unlock(passphrase: string): Promise<void>;
  setPassphrase(change: t.PassphraseChange): Promise<void>;

  events(query: t.EventQuery): Promise<t.EventList>;
  event(id: string): Promise<t.Event | null>;
  countEvents(filter: t.EventFilter): Promise<number>;
  alerts(states: t.AlertState[]): Promise<t.Alert[]>;
  alert(id: string): Promise<t.Alert | null>;
  changeAlert(id: string, change: t.AlertChange): Promise<t.Alert>;
  blocks(): Promise<t.Block[]>;
  createBlock(block: t.NewBlock): Promise<t.Block>;
  liftBlock(id: string): Promise<t.Block>;
  accounts(text: string): Promise<t.Account[]>;

  preferences(): Promise<t.Preferences>;
  setPreferences(preferences: t.Preferences): Promise<t.Preferences>;
  pauseNotifications(pause: t.Pause): Promise<void>;

  mailSettings(): Promise<t.MailSettings>;
  setMailSettings(change: t.MailSettingsChange, version: number): Promise<t.MailSettings>;
  sendTestMail(to: string): Promise<t.TestMailResult>;
  alertSettings(): Promise<t.AlertSettings>;
  setAlertSettings(settings: t.AlertSettings): Promise<t.AlertSettings>;

  factors(): Promise<t.Factor[]>;
  enrolAuthenticator(): Promise<t.AuthenticatorOffer>;
  confirmAuthenticator(confirmation: t.AuthenticatorConfirmation): Promise<void>;
  removeFactor(id: string): Promise<void>;
  renewRecoveryCodes(): Promise<t.RecoveryCodes>;
  changePassword(change: t.PasswordChange): Promise<void>;

  mailServerSnippet(server: t.MailServerKind): Promise<t.MailServerSnippet>;
  mailServers(): Promise<t.MailServer[]>;

  /** The frame's state, whenever it changes. The returned function stops listening. */
  onView(listen: (view: t.View) => void): () => void;
  onDataChanged(listen: (changed: t.DataChanged) => void): () => void;
  /** A notification or the tray asks for a page. */
  onNavigate(listen: (to: string) => void): () => void;
}
