package localpg

import (
	"fmt"
	"os"
	osuser "os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// user is whom the server runs as when this process is root, whom PostgreSQL refuses; nil is this process' own.
type user struct {
	name string
	cred syscall.Credential
}

// userFor returns the owner of existing data, else the server's user.
func userFor(data string) (*user, error) {
	if info, err := os.Stat(data); err == nil && os.Geteuid() == 0 {
		if owner := ownerOf(info); owner.Uid != 0 {
			return &user{name: strconv.Itoa(int(owner.Uid)), cred: *owner}, nil
		}
	}
	return serverUser()
}

// serverUser returns postgres, else the person behind sudo, else nobody.
func serverUser() (*user, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	u, err := osuser.Lookup("postgres")
	if err != nil {
		if id := os.Getenv("SUDO_UID"); id != "" && id != "0" {
			u, err = osuser.LookupId(id)
		}
	}
	if err != nil {
		u, err = osuser.Lookup("nobody")
	}
	if err != nil {
		return nil, fmt.Errorf("PostgreSQL refuses to run as root and there is no user for it: run this as an ordinary user: %w", err)
	}
	uid, err := strconv.ParseInt(u.Uid, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("user %s: %w", u.Username, err)
	}
	gid, err := strconv.ParseInt(u.Gid, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("user %s: %w", u.Username, err)
	}
	// nobody is -2 on macOS
	return &user{name: u.Username, cred: syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}, nil
}

func (u *user) own(dir string) error {
	if u == nil {
		return nil
	}
	return os.Lchown(dir, int(u.cred.Uid), int(u.cred.Gid))
}

// barrier returns the directory on the way to dir that the user may not search, "" when there is none.
func (u *user) barrier(dir string) string {
	if u == nil {
		return ""
	}
	if parent := filepath.Dir(dir); parent != dir {
		if b := u.barrier(parent); b != "" {
			return b
		}
	}
	info, err := os.Stat(dir)
	if err != nil {
		return dir
	}
	bit := os.FileMode(0o001)
	if owner := ownerOf(info); owner.Uid == u.cred.Uid {
		bit = 0o100
	} else if owner.Gid == u.cred.Gid {
		bit = 0o010
	}
	if info.Mode().Perm()&bit == 0 {
		return dir
	}
	return ""
}
