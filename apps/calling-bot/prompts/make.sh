#!/bin/sh
# Makes the prompts: speech by espeak-ng, trimmed and levelled by sox. See README.md.
set -eu
cd "$(dirname "$0")"

make() {
    raw=$(mktemp --suffix=.wav)
    espeak-ng -v en-us -s 165 -p 45 -w "$raw" "$2"
    # Trim the silence around it, 16 kHz mono 16 bit, then level: RMS peaks near -16 dBFS.
    sox -D "$raw" -b 16 -c 1 -r 16000 "$1.tmp.wav" \
        silence 1 0.01 0.5% reverse silence 1 0.01 0.5% reverse pad 0.1 0.15 norm -1
    loudest=$(sox "$1.tmp.wav" -n stats 2>&1 | awk '/RMS Pk dB/ {print $4}')
    gain=$(awk "BEGIN {g = -16 - ($loudest); if (g > 0) g = 0; print g}")
    sox -D -R "$1.tmp.wav" -b 16 "$1.wav" gain "$gain"
    rm -f "$raw" "$1.tmp.wav"
}

make leave-a-message "Please leave a message after the beep. Press the pound key when you are done."
make nothing-heard "I did not hear anything. Please try again after the beep."
make goodbye "Goodbye."
