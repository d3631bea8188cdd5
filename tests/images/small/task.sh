for token; do
    case $token in
    --x=*) x=${token#--x=} ;;
    --job-dir=*) directory=${token#--job-dir=} ;;
    --wait-in=*) wait_in=${token#--wait-in=} ;;
    esac
done
echo started
# There is no sleep in this image.
while [ "$CLOUD_ML_TRIAL_ID" = "$wait_in" ] && ! [ -e "$directory/go" ]; do :; done
echo "score=$x"
