package main

import (
	"fmt"
	"os"

	servercmd "github.com/cosmos/cosmos-sdk/server/cmd"
	sdk "github.com/cosmos/cosmos-sdk/types"
)

func main() {
	sdk.DefaultBondDenom = denomination
	settings := sdk.GetConfig()
	settings.SetBech32PrefixForAccount(bech32Prefix, bech32Prefix+"pub")
	settings.SetBech32PrefixForValidator(bech32Prefix+"valoper", bech32Prefix+"valoperpub")
	settings.SetBech32PrefixForConsensusNode(bech32Prefix+"valcons", bech32Prefix+"valconspub")
	settings.Seal()

	root, err := rootCommand()
	if err == nil {
		err = servercmd.Execute(root, "VE", defaultHome())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}
