package csvfile

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"testing"
	"testing/iotest"

	"flows"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestReadRegistryTakesColumnsInAnyOrder(t *testing.T) {
	for _, c := range []struct {
		name, file string
		want       []Line
	}{
		{"all columns", "serial,ip_address,port,hardware,esco,mode,name,feeder,fuse_rating,phases,maintenance\n" +
			"M1,10.0.0.1,9000,C1.w,alpha,Passive,\"Shop, left\",north,63,1,TRUE\n",
			[]Line{{2, flows.Registration{Serial: "M1", Address: new(netip.MustParseAddr("10.0.0.1")), Port: new(uint16(9000)), Hardware: new("C1.w"), ESCO: new("alpha"),
				Mode: new(flows.Passive), Name: new("Shop, left"), Feeder: new("north"), FuseRating: new(63), Phases: new(1), Maintenance: new(true)}}}},
		{"absent columns leave", "name,serial\nx,M1\n", []Line{{2, flows.Registration{Serial: "M1", Name: new("x")}}}},
		{"empty cells clear", "serial,ip_address,port,hardware,esco,mode,name,feeder,fuse_rating,phases,maintenance\nM1,,,,,,,,,,\n",
			[]Line{{2, flows.Registration{Serial: "M1", Address: new(netip.Addr{}), Port: new(uint16(0)), Hardware: new(""), ESCO: new(""), Mode: new(flows.Active),
				Name: new(""), Feeder: new(""), FuseRating: new(0), Phases: new(0), Maintenance: new(false)}}}},
		{"byte order mark, CRLF, spaces, other case, no newline at the end", "\uFEFFSerial, IP_Address \r\n M1 , 10.0.0.1 \r\n\r\nM2,::ffff:10.0.0.2",
			[]Line{{2, flows.Registration{Serial: "M1", Address: new(netip.MustParseAddr("10.0.0.1"))}},
				{4, flows.Registration{Serial: "M2", Address: new(netip.MustParseAddr("10.0.0.2"))}}}},
		{"a cell of two lines", "serial,name\nM1,\"a\nb\"\nM2,c\n",
			[]Line{{2, flows.Registration{Serial: "M1", Name: new("a\nb")}}, {4, flows.Registration{Serial: "M2", Name: new("c")}}}},
		{"one address with two ports", "serial,ip_address,port\nM1,10.0.0.1,8080\nM2,10.0.0.1,8081\n",
			[]Line{{2, flows.Registration{Serial: "M1", Address: new(netip.MustParseAddr("10.0.0.1")), Port: new(uint16(8080))}},
				{3, flows.Registration{Serial: "M2", Address: new(netip.MustParseAddr("10.0.0.1")), Port: new(uint16(8081))}}}},
		{"header alone", "serial\n", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			lines, problems := ReadRegistry(strings.NewReader(c.file))
			if len(problems) > 0 {
				t.Errorf("problems: %v", problems)
			}
			if diff := cmp.Diff(c.want, lines, cmpopts.EquateComparable(netip.Addr{})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestReadRegistryReportsEveryBadLine(t *testing.T) {
	const all = "known are serial,ip_address,port,hardware,esco,mode,name,feeder,fuse_rating,phases,maintenance"
	for _, c := range []struct{ name, file, want string }{
		{"empty file", "", "line 1: the file is empty; the first line must name the columns: serial,ip_address,port,hardware,esco,mode,name,feeder,fuse_rating,phases,maintenance"},
		{"unknown and repeated columns, no serial", "\nadress,name,name\nM1,x\n",
			"line 2: unknown column \"adress\"; " + all + "\nline 2: column name comes twice\nline 2: there is no column serial"},
		{"serials", "serial,name\n,x\nM1,x\nM1,y\n M1,z\n", "line 2: the serial is missing\nline 4: serial M1 is in line 3 already\nline 5: serial M1 is in line 3 already"},
		{"addresses", "serial,ip_address,port\nM1,10.0.0.1,\nM2,10.0.0.1,8080\nM3,10.0.0.256,1\nM4,fe80::1%eth0,1\nM5,10.0.0.0/8,1\n",
			"line 3: address 10.0.0.1 port 8080 is in line 2 already\nline 4: ip_address \"10.0.0.256\" is not an IP address\n" +
				"line 5: ip_address \"fe80::1%eth0\" is not an IP address\nline 6: ip_address \"10.0.0.0/8\" is not an IP address"},
		{"several in one line", "serial,port,mode,fuse_rating,phases,maintenance\nM1,0,asleep,-1,4,perhaps\nM2,65536,active,x,1.5,no\n",
			"line 2: port \"0\" is not a number from 1 to 65535\nline 2: unknown mode \"asleep\": use active or passive\n" +
				"line 2: fuse_rating \"-1\" is not a number of amperes from 1 to 10000\nline 2: phases \"4\" is not 1, 2 or 3\nline 2: maintenance \"perhaps\" is not true or false\n" +
				"line 3: port \"65536\" is not a number from 1 to 65535\nline 3: fuse_rating \"x\" is not a number of amperes from 1 to 10000\nline 3: phases \"1.5\" is not 1, 2 or 3"},
		{"cells", "serial,name\nM1\nM2,x,y\nM3,a\x00b\nM4,\xff\n",
			"line 2: 1 cells where the header has 2\nline 3: 3 cells where the header has 2\nline 4: name \"a\\x00b\" is not UTF-8 text\nline 5: name \"\\xff\" is not UTF-8 text"},
		{"quotes", "serial,name\nM1,a\"b\nM2,ok\nM3,\"c\n", "line 2: not CSV at column 5: bare \" in non-quoted-field\nline 4: not CSV at column 7: extraneous or missing \" in quoted-field"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, problems := ReadRegistry(strings.NewReader(c.file))
			var got []string
			for _, p := range problems {
				got = append(got, p.String())
			}
			if diff := cmp.Diff(c.want, strings.Join(got, "\n")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestReadRegistryKeepsGoodLinesAmongBadOnes(t *testing.T) {
	lines, problems := ReadRegistry(strings.NewReader("serial,phases\nM1,1\nM2,9\nM3,3\n"))
	if len(lines) != 2 || lines[1].Number != 4 || len(problems) != 1 || problems[0].Line != 3 {
		t.Errorf("got %+v and %v", lines, problems)
	}
}

func TestReadRegistryEndsWhenTheReaderFails(t *testing.T) {
	r := io.MultiReader(strings.NewReader("serial\nM1\n"), iotest.ErrReader(errors.New("disk gone")))
	lines, problems := ReadRegistry(r)
	if len(lines) != 1 || len(problems) != 1 || !strings.Contains(problems[0].Reason, "disk gone") {
		t.Errorf("got %+v and %v", lines, problems)
	}
}

func TestReadRegistryManyLines(t *testing.T) {
	const many = 100_000
	r, w := io.Pipe()
	go func() {
		fmt.Fprintln(w, "serial,ip_address,port")
		for i := range many {
			fmt.Fprintf(w, "EML%07d,10.%d.%d.%d,8080\n", i, i>>16, i>>8&255, i&255)
		}
		w.Close()
	}()
	lines, problems := ReadRegistry(r)
	if len(lines) != many || len(problems) != 0 || lines[many-1].Number != many+1 {
		t.Errorf("got %d lines and %v", len(lines), problems)
	}
}

func FuzzReadRegistry(f *testing.F) {
	f.Add([]byte("\uFEFFserial,ip_address,port,mode,fuse_rating,phases,maintenance\r\nM1,10.0.0.1,8080,active,63,1,true\r\n"))
	f.Add([]byte("serial,name\nM1,\"a\nb\"\nM2,a\"b\n"))
	f.Add([]byte("\n\n,,,\n\"\n"))
	f.Fuzz(func(t *testing.T, file []byte) {
		lines, _ := ReadRegistry(strings.NewReader(string(file)))
		seen := map[string]bool{}
		for _, l := range lines {
			if l.Serial == "" || l.Number < 2 || seen[l.Serial] {
				t.Errorf("line %d with serial %q", l.Number, l.Serial)
			}
			seen[l.Serial] = true
		}
	})
}
