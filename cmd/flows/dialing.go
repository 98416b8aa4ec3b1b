package main

import (
	"net"
	"strconv"

	"flows/mediator"
)

// dialing is how a mediator opens connections to meters.
type dialing struct {
	SOCKSHost      string  `name:"socks-host" setting:"SOCKS_HOST" placeholder:"HOST" help:"SOCKS5 gateway towards the meters' SIMs ($$SOCKS_HOST); straight when not given."`
	SOCKSPort      uint16  `name:"socks-port" setting:"SOCKS_PORT" default:"1080" help:"Its port ($$SOCKS_PORT)."`
	SOCKSUsername  string  `name:"socks-username" setting:"SOCKS_USERNAME" placeholder:"NAME" help:"User there ($$SOCKS_USERNAME)."`
	SOCKSPassword  string  `name:"socks-password" setting:"SOCKS_PASSWORD" placeholder:"PASSWORD" help:"Password there ($$SOCKS_PASSWORD); better given by the environment."`
	MaxConnections int     `name:"max-connections" default:"5000" help:"Connections to meters open at a time; 0 is no limit."`
	ConnectsPerSec float64 `name:"connects-per-second" default:"500" help:"New connections to meters a second; 0 is no limit."`
}

func (d dialing) dial(a *app) (mediator.DialFunc, error) {
	if d.MaxConnections < 0 || d.ConnectsPerSec < 0 {
		return nil, usage("--max-connections and --connects-per-second must be 0 or more")
	}
	dial := new(net.Dialer).DialContext
	if d.SOCKSHost != "" {
		socks := mediator.SOCKS{Address: net.JoinHostPort(d.SOCKSHost, strconv.Itoa(int(d.SOCKSPort))), User: d.SOCKSUsername, Password: d.SOCKSPassword, Log: a.log}
		var err error
		if dial, err = socks.Dial(); err != nil {
			return nil, usage("%w", err)
		}
	}
	return mediator.Limits{Connections: d.MaxConnections, PerSecond: d.ConnectsPerSec}.Dial(dial), nil
}
