<?php

/**
 * Opens in Roundcube the mailbox alone of whoever is signed in at MailCup's web sign-in, and carries the browser's
 * address to the mail server. For a Roundcube that only the proxy reaches: docs/web-sign-in.md.
 */
class mailcup extends rcube_plugin
{
    public function init()
    {
        $this->add_hook('startup', [$this, 'startup']);
        $this->add_hook('template_object_loginform', [$this, 'loginform']);
        $this->add_hook('authenticate', [$this, 'authenticate']);
        $this->add_hook('storage_connect', [$this, 'storage_connect']);
    }

    /** Ends a session of Roundcube's that belongs to somebody else. */
    public function startup($args)
    {
        $user = $_SESSION['username'] ?? null;
        if ($user !== null && !self::is_own($user)) {
            rcmail::get_instance()->kill_session();
            $args['task'] = 'login';
            $args['action'] = '';
        }
        return $args;
    }

    /** Fills in whose mailbox it is. */
    public function loginform($args)
    {
        $account = htmlspecialchars(self::account(), ENT_QUOTES | ENT_SUBSTITUTE, RCUBE_CHARSET);
        $args['content'] = preg_replace(
            '/(<input\b[^>]*\bname="_user"[^>]*\bvalue=)""/',
            '$1"' . addcslashes($account, '\\$') . '"',
            $args['content']
        );
        return $args;
    }

    public function authenticate($args)
    {
        if (!self::is_own($args['user'])) {
            $args['abort'] = true;
            $args['valid'] = false;
            $account = self::account();
            $args['error'] = $account === ''
                ? 'You are not signed in. Open this page anew.'
                : "You are signed in as $account. Only that mailbox opens here; sign out to open another.";
        }
        return $args;
    }

    /** Tells the mail server whom this connection is for; it believes that of its login_trusted_networks. */
    public function storage_connect($args)
    {
        $args['preauth_ident'] = ['x-originating-ip' => rcube_utils::remote_addr()];
        return $args;
    }

    /** Whoever the proxy says is signed in; nobody where it says nothing. */
    private static function account()
    {
        return mb_strtolower(trim($_SERVER['HTTP_X_MAILCUP_ACCOUNT'] ?? ''));
    }

    private static function is_own($user)
    {
        $account = self::account();
        return $account !== '' && mb_strtolower(trim((string) $user)) === $account;
    }
}
