// Package model is what the scorer and the chain both know of a model: the hash of its directory, its
// weights, and the features of a subject.
package model

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// metadataFile says what was exported. It does not count for the hash, whose value it holds.
const metadataFile = "export_metadata.json"

// CheckPath says why a path cannot hold a model, in the words of the real loader.
func CheckPath(dir string) error {
	if strings.Contains(dir, "..") {
		return errors.New("path traversal detected")
	}
	status, err := os.Stat(dir)
	if os.IsNotExist(err) {
		return errors.New("model path does not exist")
	}
	if err != nil {
		return err
	}
	if !status.IsDir() {
		return errors.New("model path is not a directory")
	}
	return nil
}

// Hash is the real loader's: SHA-256 over the contents of all files, concatenated, sorted by path,
// without the metadata. Names do not count, and neither does an empty file.
func Hash(dir string) (string, error) {
	var paths []string
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && entry.Name() != metadataFile {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil {
		return "", err
	}
	slices.Sort(paths)
	hasher := sha256.New()
	for _, path := range paths {
		if err := feed(hasher, path); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(hasher.Sum(nil)), nil
}

func feed(hasher io.Writer, path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = io.Copy(hasher, file)
	return err
}
